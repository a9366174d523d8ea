//! A bridge in the run's own network namespace, and a veth pair from it to every place.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, new_connection};

use super::super::os::Doing;
use super::super::{EnvironmentError, remedy};

/// The bridge's name.
const BRIDGE: &str = "places";

/// The interface's name in every namespace.
pub(super) const INTERFACE: &str = "eth0";

/// Makes the bridge and the pairs. The far ends are in the namespaces, without addresses and turned off.
///
/// It runs on a thread of its own, so that it can be called from within a runtime.
pub(in crate::environment) fn connect(namespaces: Vec<Arc<OwnedFd>>) -> Result<(), EnvironmentError> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().doing("start a runtime")?;
        runtime.block_on(async {
            let (connection, handle, _) = new_connection().doing("open a netlink connection")?;
            let connection = tokio::spawn(connection);
            let connected = connect_all(&handle, &namespaces).await;
            connection.abort();
            connected
        })
    })
    .join()
    .unwrap_or_else(|_| Err(std::io::Error::other("the thread panicked")).doing("connect the places by a bridge"))
}

async fn connect_all(handle: &Handle, namespaces: &[Arc<OwnedFd>]) -> Result<(), EnvironmentError> {
    let missing = |step: &'static str| {
        move |error: rtnetlink::Error| EnvironmentError::FacilityMissing {
            what: "a bridge of veth pairs".to_owned(),
            why: format!("{step}: {error}"),
            remedy: remedy::bridge(),
        }
    };
    // Without group snooping and spanning tree a port forwards from the first packet on.
    let bridge = LinkBridge::new(BRIDGE).mcast_snooping(false).up().build();
    handle.link().add(bridge).execute().await.map_err(missing("make a bridge"))?;
    let bridge_index = nix::net::if_::if_nametoindex(BRIDGE).doing("find the bridge")?;
    for (number, namespace) in namespaces.iter().enumerate() {
        let far = LinkMessageBuilder::<LinkUnspec>::new()
            .name(INTERFACE.to_owned())
            .setns_by_fd(namespace.as_raw_fd())
            .build();
        let pair = LinkVeth::new(&format!("place{number}"), INTERFACE)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(far)))
            .controller(bridge_index)
            .up()
            .build();
        handle.link().add(pair).execute().await.map_err(missing("make a veth pair"))?;
    }
    Ok(())
}
