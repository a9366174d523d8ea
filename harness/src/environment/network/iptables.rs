//! The kernel's own network: veth pairs on a bridge, and cuts by iptables in the receiver's namespace.
//!
//! The kernel forwards, so it carries far more than the switch; a change of cuts takes milliseconds and is atomic for
//! each receiver, not for all of them together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::probes::Prober;
use super::super::{BackEnd, EnvironmentError, Link, NodeId, Place, ProbeCount};
use super::bridge::{self, INTERFACE};
use super::datagrams::{Datagrams, probe_socket};
use super::filter::Iptables;
use super::layout::PREFIX_LENGTH;
use super::place_thread::Separation;
use super::{Layout, Network, PlaceThread, interface};
use crate::record::Clock;

/// The network.
pub(in crate::environment) struct IptablesNetwork {
    layout: Layout,
    places: Vec<PlaceThread>,
    namespaces: Vec<Arc<OwnedFd>>,
    prober: Prober,
    iptables: Iptables,
    state: Mutex<State>,
}

struct State {
    cut: BTreeSet<Link>,
    counters: Vec<Counters>,
}

/// What is known of a receiver's counters. They stand still while no link to it is cut.
struct Counters {
    dropped: BTreeMap<Place, u64>,
    exact: bool,
}

impl IptablesNetwork {
    /// Makes every place, connects them and prepares the filters.
    pub(in crate::environment) fn start(layout: Layout, clock: Clock) -> Result<Self, EnvironmentError> {
        let iptables = Iptables::find()?;
        let starting = layout
            .places()
            .map(|place| PlaceThread::start(format!("place {place}"), Separation::Namespace, || Ok(())))
            .collect::<Result<Vec<_>, _>>()?;
        let places =
            starting.into_iter().map(|place| Ok(place.wait()?.0)).collect::<Result<Vec<_>, EnvironmentError>>()?;
        let namespaces: Vec<_> = places.iter().filter_map(PlaceThread::namespace).collect();
        let filters =
            namespaces.iter().map(|namespace| iptables.prepare(namespace, layout)).collect::<Result<Vec<_>, _>>()?;
        bridge::connect(namespaces.clone())?;
        let sockets = layout
            .places()
            .zip(&places)
            .map(|(place, thread)| {
                let address = layout.address(place);
                thread.run(move || {
                    interface::configure(INTERFACE, address, PREFIX_LENGTH)?;
                    probe_socket(address)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        for filter in filters {
            filter.wait()?;
        }
        let counters = places.iter().map(|_| Counters { dropped: BTreeMap::new(), exact: true }).collect();
        Ok(Self {
            layout,
            places,
            namespaces,
            prober: Datagrams::start(layout, sockets, clock)?,
            iptables,
            state: Mutex::new(State { cut: BTreeSet::new(), counters }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_counters(&self, receiver: usize, state: &mut State) -> Result<(), EnvironmentError> {
        let still_cut = state.cut.iter().any(|link| self.layout.index(link.to) == receiver);
        let dropped = self.iptables.dropped(&self.namespaces[receiver])?;
        state.counters[receiver] = Counters { dropped, exact: !still_cut };
        Ok(())
    }
}

impl Network for IptablesNetwork {
    fn back_end(&self) -> BackEnd {
        BackEnd::Iptables
    }

    fn reductions(&self) -> Vec<String> {
        Vec::new()
    }

    fn address(&self, _from: Place, to: NodeId, port: u16) -> SocketAddr {
        self.listen_address(to, port)
    }

    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr {
        (self.layout.address(Place::Node(node)), port).into()
    }

    fn namespace(&self, node: NodeId) -> Option<Arc<OwnedFd>> {
        self.places[self.layout.index(Place::Node(node))].namespace()
    }

    fn runtime(&self, place: Place) -> tokio::runtime::Handle {
        self.places[self.layout.index(place)].handle()
    }

    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        let mut state = self.state();
        // All receivers at once: each change is a process of its own.
        let mut running = Vec::new();
        for receiver in self.layout.places() {
            let sources = |links: &BTreeSet<Link>, but: &BTreeSet<Link>| -> Vec<Place> {
                links.difference(but).filter(|link| link.to == receiver).map(|link| link.from).collect()
            };
            let (fresh, healed) = (sources(cut, &state.cut), sources(&state.cut, cut));
            if fresh.is_empty() && healed.is_empty() {
                continue;
            }
            let index = self.layout.index(receiver);
            state.counters[index].exact = false;
            running.push(self.iptables.change(&self.namespaces[index], self.layout, &fresh, &healed)?);
        }
        for change in running {
            change.wait()?;
        }
        state.cut.clone_from(cut);
        Ok(())
    }

    fn dropped(&self, link: Link) -> u64 {
        let mut state = self.state();
        let receiver = self.layout.index(link.to);
        if !state.counters[receiver].exact
            && let Err(error) = self.read_counters(receiver, &mut state)
        {
            tracing::warn!(%link, %error, "the counters of dropped packets cannot be read; the last known value is used");
        }
        state.counters[receiver].dropped.get(&link.from).copied().unwrap_or(0)
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        self.prober.count(link, &sent_ns)
    }
}
