//! Who does what when: clients that think, invoke, wait for the answer and go on.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;

use super::counter::Counters;
use super::database::Database;
use super::dice::Dice;
use super::event::{Event, Value};
use super::key_value::Texts;
use super::mutex::Locks;
use super::object::{Effect, Fate, Object};
use super::operation::{Answer, Operation};
use super::register::Registers;
use super::sequence::Sequences;
use super::set::Sets;
use super::shape::{ObjectKind, Shape, ShapeError, Violation};
use crate::history::EventType;

/// How much later than its client gave up an operation takes effect on average, in operations' times.
const LATE_OPERATION_TIMES: u64 = 10;

/// The events of a shape and a seed, in the order of their times.
///
/// # Errors
/// The shape makes no sense.
pub fn events(shape: &Shape, seed: u64) -> Result<Events, ShapeError> {
    shape.validate()?;
    let object: Box<dyn Object> = match shape.object {
        ObjectKind::Register => Box::new(Registers::new(shape)),
        ObjectKind::Kv => Box::new(Texts::new(shape)),
        ObjectKind::Set => Box::new(Sets::new(shape)),
        ObjectKind::Counter => Box::new(Counters::new(shape)),
        ObjectKind::Queue | ObjectKind::Stack => Box::new(Sequences::new(shape)),
        ObjectKind::Mutex => Box::new(Locks::new(shape)),
        ObjectKind::ListAppend | ObjectKind::RwRegister => Box::new(Database::new(shape)),
    };
    Ok(Events::new(shape, seed, object))
}

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A client may invoke.
    Invoke(u32),
    /// An operation does a step inside the object.
    Step { client: u32, step: u32 },
    /// An operation's answer arrives, or its client gives up.
    Complete(u32),
    /// An operation takes effect whose client gave up long ago.
    Late(u64),
    /// The next operation of the script is invoked.
    Scripted,
}

#[derive(Debug)]
struct Client {
    process: u64,
    operation: Option<Operation>,
    /// Set while its operation is to end without an answer.
    fate: Option<Fate>,
    is_scripted: bool,
    completes_ns: u64,
}

/// How far the planting of the violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planting {
    /// It comes once so many operations were invoked.
    Pending { after: u64, needs_quiet: bool },
    /// Its script runs.
    Running,
    /// It is in, or there is none.
    Over,
}

/// The events of a history, made one by one.
pub struct Events {
    shape: Shape,
    dice: Dice,
    object: Box<dyn Object>,
    clients: Vec<Client>,
    /// The number keeps happenings of one moment in the order in which they were planned.
    plan: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    planned: u64,
    waiting: VecDeque<u32>,
    /// Clients that stand by while the violation is planted.
    parked: Vec<u32>,
    script: VecDeque<Operation>,
    planting: Planting,
    late: FxHashMap<u64, Operation>,
    invoked: u64,
    undecided_left: u64,
    next_process: u64,
    output: VecDeque<Event>,
    next_index: u64,
    next_time_ns: u64,
}

impl Events {
    fn new(shape: &Shape, seed: u64, mut object: Box<dyn Object>) -> Self {
        let mut dice = Dice::new(seed, shape.values);
        let planting = match shape.violation {
            None => Planting::Over,
            Some(Violation { kind, at_percent: 100 }) => {
                let length = object.script(&mut dice, kind, 0).len() as u64;
                Planting::Pending { after: shape.operations.saturating_sub(length), needs_quiet: true }
            }
            Some(Violation { kind, at_percent }) => Planting::Pending {
                after: (u128::from(shape.operations) * u128::from(at_percent) / 100) as u64,
                needs_quiet: object.needs_quiet(kind),
            },
        };
        let client = |number| Client {
            process: u64::from(number),
            operation: None,
            fate: None,
            is_scripted: false,
            completes_ns: 0,
        };
        let mut events = Self {
            dice,
            object,
            clients: (0..shape.clients).map(client).collect(),
            plan: BinaryHeap::new(),
            planned: 0,
            waiting: VecDeque::new(),
            parked: Vec::new(),
            script: VecDeque::new(),
            planting,
            late: FxHashMap::default(),
            invoked: 0,
            undecided_left: shape.undecided,
            next_process: u64::from(shape.clients),
            output: VecDeque::new(),
            next_index: 0,
            next_time_ns: 0,
            shape: shape.clone(),
        };
        for client in 0..shape.clients {
            events.think(0, Happening::Invoke(client));
        }
        events
    }

    fn plan(&mut self, time_ns: u64, happening: Happening) {
        self.plan.push(Reverse((time_ns, self.planned, happening)));
        self.planned += 1;
    }

    fn think(&mut self, now_ns: u64, then: Happening) {
        let time_ns = now_ns + self.dice.time_ns(self.shape.think_ns);
        self.plan(time_ns, then);
    }

    fn happen(&mut self, now_ns: u64, happening: Happening) {
        match happening {
            Happening::Invoke(client) => self.may_invoke(now_ns, client),
            Happening::Step { client, step } => self.step(now_ns, client, step),
            Happening::Complete(client) => self.complete(now_ns, client),
            Happening::Late(number) => self.take_effect_late(now_ns, number),
            Happening::Scripted => match self.script.pop_front() {
                Some(operation) => self.invoke(now_ns, operation, true),
                None => self.planted(now_ns),
            },
        }
    }

    fn may_invoke(&mut self, now_ns: u64, client: u32) {
        match self.planting {
            Planting::Pending { after, needs_quiet } if self.invoked >= after => {
                self.parked.push(client);
                if !needs_quiet {
                    self.plant(now_ns, client);
                }
            }
            _ if self.invoked < self.shape.operations => {
                let main = match self.planting {
                    Planting::Pending { after, .. } if self.ends_in_violation() => after,
                    _ => self.shape.operations,
                };
                // Drawn so that exactly as many are undecided as asked for, each set of them as likely as any other.
                let is_undecided = self.dice.chance(self.undecided_left, main.saturating_sub(self.invoked));
                let operation = self.object.draw(&mut self.dice, client, is_undecided);
                if is_undecided {
                    self.undecided_left -= 1;
                    self.clients[client as usize].fate = Some(self.object.fate(&mut self.dice, &operation));
                }
                self.invoke(now_ns, operation, false);
            }
            _ => {}
        }
    }

    fn ends_in_violation(&self) -> bool {
        self.shape.violation.is_some_and(|violation| violation.at_percent == 100)
    }

    fn invoke(&mut self, now_ns: u64, mut operation: Operation, is_scripted: bool) {
        self.invoked += 1;
        self.object.invoked(&mut operation);
        let number = operation.client;
        self.emit(now_ns, EventType::Invoke, &operation, operation.action.argument());
        let span_ns = self.dice.time_ns(self.shape.operation_ns);
        let client = &mut self.clients[number as usize];
        client.is_scripted = is_scripted;
        client.completes_ns = now_ns + span_ns;
        if client.fate.is_some() {
            self.plan(now_ns + span_ns, Happening::Complete(number));
        } else {
            let moments = self.dice.moments(now_ns, span_ns, self.object.steps(&operation));
            for (step, moment) in (0..).zip(moments) {
                self.plan(moment, Happening::Step { client: number, step });
            }
        }
        self.clients[number as usize].operation = Some(operation);
    }

    fn step(&mut self, now_ns: u64, number: u32, step: u32) {
        let client = &mut self.clients[number as usize];
        let Some(operation) = &mut client.operation else { return };
        let effect = self.object.step(&mut self.dice, operation, step);
        if effect == Effect::Waits {
            self.waiting.push_back(number);
        } else if operation.answer.is_some() {
            let completes_ns = client.completes_ns.max(now_ns);
            self.plan(completes_ns, Happening::Complete(number));
        }
        if effect == Effect::DoneAndWakes {
            self.wake(now_ns);
        }
    }

    /// The first of those that wait for it goes on.
    fn wake(&mut self, now_ns: u64) {
        for place in 0..self.waiting.len() {
            let number = self.waiting[place];
            let Some(operation) = &mut self.clients[number as usize].operation else { continue };
            if self.object.step(&mut self.dice, operation, 0) != Effect::Waits {
                self.waiting.remove(place);
                let rest_ns = self.dice.time_ns(self.shape.operation_ns / 2);
                self.plan(now_ns + rest_ns, Happening::Complete(number));
                return;
            }
        }
    }

    fn complete(&mut self, now_ns: u64, number: u32) {
        let client = &mut self.clients[number as usize];
        let (is_scripted, fate) = (client.is_scripted, client.fate.take());
        let Some(mut operation) = client.operation.take() else { return };
        if let Some(fate) = fate {
            self.emit(now_ns, EventType::Info, &operation, operation.action.argument());
            // Whose operation is undecided never invokes again under its number.
            self.clients[number as usize].process = self.next_process;
            self.next_process += 1;
            match fate {
                Fate::Never => self.object.ended(&operation),
                Fate::Late => {
                    let late_ns = self.dice.time_ns(self.shape.operation_ns.saturating_mul(LATE_OPERATION_TIMES));
                    self.late.insert(self.planned, operation);
                    self.plan(now_ns + late_ns, Happening::Late(self.planned));
                }
            }
        } else {
            self.object.completed(&mut operation);
            match operation.answer.take() {
                Some(Answer::Ok(result)) => self.emit(now_ns, EventType::Ok, &operation, result),
                _ => self.emit(now_ns, EventType::Fail, &operation, operation.action.argument()),
            }
            self.object.ended(&operation);
        }
        self.think(now_ns, if is_scripted { Happening::Scripted } else { Happening::Invoke(number) });
    }

    fn take_effect_late(&mut self, now_ns: u64, number: u64) {
        let Some(mut operation) = self.late.remove(&number) else { return };
        let mut wakes = false;
        for step in 0..self.object.steps(&operation) {
            wakes |= self.object.step(&mut self.dice, &mut operation, step) == Effect::DoneAndWakes;
        }
        self.object.ended(&operation);
        if wakes {
            self.wake(now_ns);
        }
    }

    /// Called when nothing is planned any more. Returns whether there is something to do after all.
    fn nothing_planned(&mut self) -> bool {
        let now_ns = self.next_time_ns;
        let waiting = std::mem::take(&mut self.waiting);
        for number in &waiting {
            // Nobody is going to wake it: it ends unfulfilled.
            self.plan(now_ns, Happening::Complete(*number));
        }
        if !waiting.is_empty() {
            return true;
        }
        if let Planting::Pending { .. } = self.planting {
            self.plant(now_ns, self.parked.first().copied().unwrap_or(0));
            return true;
        }
        false
    }

    fn plant(&mut self, now_ns: u64, client: u32) {
        let Some(Violation { kind, .. }) = self.shape.violation else { return };
        self.script = self.object.script(&mut self.dice, kind, client).into();
        let last = self.shape.operations.saturating_sub(self.script.len() as u64);
        if self.ends_in_violation() && self.invoked < last {
            // By now it takes fewer operations than it would have at the start.
            self.script.clear();
            self.planting = Planting::Pending { after: last, needs_quiet: true };
            self.resume(now_ns);
            return;
        }
        self.planting = Planting::Running;
        self.plan(now_ns, Happening::Scripted);
    }

    fn planted(&mut self, now_ns: u64) {
        self.planting = Planting::Over;
        self.resume(now_ns);
    }

    fn resume(&mut self, now_ns: u64) {
        for client in std::mem::take(&mut self.parked) {
            self.think(now_ns, Happening::Invoke(client));
        }
    }

    fn emit(&mut self, now_ns: u64, event_type: EventType, operation: &Operation, value: Value) {
        let time_ns = self.next_time_ns.max(now_ns);
        let has_key = self.shape.keys > 1 && !self.shape.object.is_transactional();
        self.output.push_back(Event {
            index: self.next_index,
            time_ns,
            event_type,
            process: self.clients[operation.client as usize].process,
            f: operation.action.f(),
            key: has_key.then_some(operation.key),
            value,
        });
        self.next_index += 1;
        // No two lines at one time: what is after the other is so without doubt.
        self.next_time_ns = time_ns + 1;
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.output.pop_front() {
                return Some(event);
            }
            match self.plan.pop() {
                Some(Reverse((time_ns, _, happening))) => self.happen(time_ns, happening),
                None if self.nothing_planned() => {}
                None => return None,
            }
        }
    }
}
