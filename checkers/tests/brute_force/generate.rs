//! Small histories of an object that is sometimes wrong.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::{Event, EventType, Process};
use serde_json::{Value, json};

/// Operations of a history at most.
const OPERATIONS_MAX: usize = 7;
/// Processes that are busy at once at most.
const PROCESSES_MAX: usize = 4;

/// What a history is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    UniqueRegister,
    Register,
    UniqueSet,
    Set,
    Counter,
    UniqueQueue,
    Queue,
    UniqueStack,
    Stack,
    UniqueBag,
    Bag,
    Mutex,
    UniqueText,
    Text,
}

impl Kind {
    /// Whether every value is put in or written once only.
    fn is_unique(self) -> bool {
        matches!(
            self,
            Self::UniqueRegister
                | Self::UniqueSet
                | Self::UniqueQueue
                | Self::UniqueStack
                | Self::UniqueBag
                | Self::UniqueText
        )
    }

    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::UniqueRegister | Self::Register => "register",
            Self::UniqueSet | Self::Set => "set",
            Self::Counter => "counter",
            Self::UniqueQueue | Self::Queue => "queue",
            Self::UniqueStack | Self::Stack => "stack",
            Self::UniqueBag | Self::Bag => "bag",
            Self::Mutex => "mutex",
            Self::UniqueText | Self::Text => "kv",
        }
    }
}

/// An operation on its way.
struct Open {
    process: u64,
    f: &'static str,
    argument: Value,
    /// Decided when it took effect; `None`: not yet.
    result: Option<Result<Value, ()>>,
}

struct Simulation {
    kind: Kind,
    random: ChaCha8Rng,
    time: u64,
    next_value: u64,
    next_process: u64,
    state: Vec<i64>,
    open: Vec<Open>,
    events: Vec<Event>,
    /// Chance in percent that an effect or an answer is wrong.
    mistakes: u32,
    /// Chance in percent that an operation stays undecided.
    undecided: u32,
}

/// Pieces put together: none begins another.
fn text(pieces: &[i64]) -> String {
    pieces.iter().map(|piece| format!("{piece};")).collect()
}

/// The history of a seed.
pub(crate) fn generate(kind: Kind, seed: u64) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mistakes = [0, 25, 50][random.random_range(0..3)];
    let operations = random.random_range(2..=OPERATIONS_MAX);
    let processes = random.random_range(1..=PROCESSES_MAX);
    generate_shaped(kind, random, &Shape { operations, processes, mistakes, undecided: 25 })
}

/// What a history is like.
pub(crate) struct Shape {
    pub(crate) operations: usize,
    /// Busy at once at most.
    pub(crate) processes: usize,
    /// Chance in percent that an effect or an answer is wrong.
    pub(crate) mistakes: u32,
    /// Chance in percent that an operation stays undecided, one in three of them open.
    pub(crate) undecided: u32,
}

/// A history of a given shape.
pub(crate) fn generate_shaped(kind: Kind, random: ChaCha8Rng, shape: &Shape) -> Vec<Event> {
    let mut simulation = Simulation {
        kind,
        random,
        time: 0,
        next_value: 1,
        next_process: 0,
        state: Vec::new(),
        open: Vec::new(),
        events: Vec::new(),
        mistakes: shape.mistakes,
        undecided: shape.undecided,
    };
    simulation.run(shape.operations, shape.processes);
    simulation.events
}

impl Simulation {
    fn run(&mut self, operations: usize, processes: usize) {
        let mut invoked = 0;
        while invoked < operations || !self.open.is_empty() {
            let must_invoke = self.open.is_empty();
            let may_invoke = invoked < operations && self.open.len() < processes;
            // Equal times are frequent.
            self.time += u64::from(self.random.random_range(0..3) > 0);
            if must_invoke || (may_invoke && self.random.random()) {
                self.invoke();
                invoked += 1;
            } else {
                self.progress();
            }
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn invoke(&mut self) {
        let (f, argument) = self.draw();
        let process = self.next_process;
        self.next_process += 1;
        self.record(EventType::Invoke, process, f, argument.clone());
        self.open.push(Open { process, f, argument, result: None });
    }

    fn draw(&mut self) -> (&'static str, Value) {
        match self.kind {
            Kind::UniqueRegister | Kind::Register => match self.random.random_range(0..10) {
                0..4 => ("read", Value::Null),
                4..7 => ("write", self.new_value()),
                _ => {
                    let guess = self.some_value();
                    ("cas", json!([guess, self.new_value()]))
                }
            },
            Kind::UniqueSet | Kind::Set => match self.random.random_range(0..2) {
                0 => ("read", Value::Null),
                _ => ("add", self.new_value()),
            },
            Kind::Counter => match self.random.random_range(0..2) {
                0 => ("read", Value::Null),
                _ => ("add", json!(self.random.random_range(-1..3))),
            },
            Kind::Queue | Kind::UniqueQueue | Kind::Bag | Kind::UniqueBag => match self.random.random_range(0..2) {
                0 => ("dequeue", Value::Null),
                _ => ("enqueue", self.new_value()),
            },
            Kind::Stack | Kind::UniqueStack => match self.random.random_range(0..2) {
                0 => ("pop", Value::Null),
                _ => ("push", self.new_value()),
            },
            Kind::Text | Kind::UniqueText => match self.random.random_range(0..5) {
                0 | 1 => ("get", Value::Null),
                2 => ("put", self.new_piece()),
                _ => ("append", self.new_piece()),
            },
            Kind::Mutex => (["acquire", "release"][self.random.random_range(0..2)], Value::Null),
        }
    }

    fn new_value(&mut self) -> Value {
        match self.kind {
            kind if kind.is_unique() => {
                self.next_value += 1;
                json!(self.next_value - 1)
            }
            _ => json!(self.random.random_range(1..4)),
        }
    }

    fn new_piece(&mut self) -> Value {
        json!(text(&[self.new_value().as_i64().unwrap_or_default()]))
    }

    /// One that was drawn before, or null; now and then one that never was.
    fn some_value(&mut self) -> Value {
        let highest = if self.kind.is_unique() { self.next_value } else { 4 };
        if self.random.random_range(0..5) == 0 || highest == 1 {
            return Value::Null;
        }
        let limit = if self.chance(10) { highest + 1 } else { highest };
        json!(self.random.random_range(1..limit))
    }

    /// One open operation takes effect, or ends.
    fn progress(&mut self) {
        let place = self.random.random_range(0..self.open.len());
        if self.open[place].result.is_none() && self.random.random_range(0..3) > 0 {
            let result = self.take_effect(self.open[place].f, &self.open[place].argument.clone());
            self.open[place].result = Some(result);
            return;
        }
        let open = self.open.swap_remove(place);
        let ending = self.random.random_range(0..100);
        if ending < self.undecided / 3 {
            return;
        }
        if ending < self.undecided {
            return self.record(EventType::Info, open.process, open.f, Value::Null);
        }
        if ending < self.undecided + 7 && open.result.is_none() {
            return self.record(EventType::Fail, open.process, open.f, Value::Null);
        }
        let result = match open.result {
            Some(result) => result,
            None => self.take_effect(open.f, &open.argument),
        };
        match result {
            Ok(value) => self.record(EventType::Ok, open.process, open.f, value),
            Err(()) => self.record(EventType::Fail, open.process, open.f, Value::Null),
        }
    }

    fn take_effect(&mut self, f: &str, argument: &Value) -> Result<Value, ()> {
        let before = self.state.clone();
        let result = self.right_effect(f, argument);
        if self.chance(self.mistakes) {
            // The effect is forgotten.
            self.state = before;
        }
        if self.chance(self.mistakes) { Ok(self.wrong_answer(f, argument)) } else { result }
    }

    fn right_effect(&mut self, f: &str, argument: &Value) -> Result<Value, ()> {
        let piece = |text: &str| text.trim_end_matches(';').parse().ok();
        let number = argument.as_i64().or_else(|| argument.as_str().and_then(piece)).unwrap_or_default();
        let present = self.state.first().copied();
        match (self.kind, f) {
            (Kind::UniqueRegister | Kind::Register, "read") => Ok(json!(present)),
            (_, "get") => Ok(json!(text(&self.state))),
            (_, "append") => {
                self.state.push(number);
                Ok(argument.clone())
            }
            (_, "write" | "put") => self.set(vec![number], argument),
            (_, "cas") if json!(present) == argument[0] => {
                self.set(vec![argument[1].as_i64().unwrap_or_default()], argument)
            }
            (Kind::Counter, "add") => self.set(vec![present.unwrap_or(0) + number], argument),
            (Kind::Counter, "read") => Ok(json!(present.unwrap_or(0))),
            (_, "add") => {
                if !self.state.contains(&number) {
                    self.state.push(number);
                }
                Ok(argument.clone())
            }
            (_, "read") => Ok(json!(self.state)),
            (_, "enqueue" | "push") => {
                self.state.push(number);
                Ok(argument.clone())
            }
            (_, "dequeue" | "pop") if present.is_none() => Ok(Value::Null),
            (Kind::Bag | Kind::UniqueBag, _) => {
                let place = self.random.random_range(0..self.state.len());
                Ok(json!(self.state.remove(place)))
            }
            (_, "pop") => Ok(json!(self.state.pop())),
            (_, "dequeue") => Ok(json!(self.state.remove(0))),
            (_, "acquire") if present.is_none() => self.set(vec![1], argument),
            (_, "release") if present.is_some() => self.set(Vec::new(), argument),
            _ => Err(()),
        }
    }

    fn set(&mut self, state: Vec<i64>, argument: &Value) -> Result<Value, ()> {
        self.state = state;
        Ok(argument.clone())
    }

    fn wrong_answer(&mut self, f: &str, argument: &Value) -> Value {
        match (self.kind, f) {
            (Kind::UniqueSet | Kind::Set, "read") => {
                let mut elements = self.state.clone();
                match self.random.random_range(0..3) {
                    0 => elements.push(self.random.random_range(1..5)),
                    _ if elements.is_empty() => {}
                    _ => {
                        let place = self.random.random_range(0..elements.len());
                        elements.remove(place);
                    }
                }
                json!(elements)
            }
            (_, "get") => {
                let mut pieces = self.state.clone();
                match self.random.random_range(0..4) {
                    0 => pieces.push(self.random.random_range(1..6)),
                    1 => drop(pieces.pop()),
                    2 if !pieces.is_empty() => drop(pieces.remove(0)),
                    _ => pieces.reverse(),
                }
                json!(text(&pieces))
            }
            (Kind::Counter, "read") => json!(self.random.random_range(-1..4)),
            (_, "read" | "dequeue" | "pop") => self.some_value(),
            _ => argument.clone(),
        }
    }

    fn record(&mut self, event_type: EventType, process: u64, f: &str, value: Value) {
        let event = Event::new(event_type, Process::Client(process), f, value);
        self.events.push(Event { time: self.time, ..event });
    }
}
