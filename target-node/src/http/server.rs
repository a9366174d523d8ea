//! Connections of clients: how many there may be, how long they may be silent, and how they end.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::answer::Answer;
use super::outcome;
use crate::core::NodeId;
use crate::driver::prepare_client;

/// A connection is closed that has sent no whole request head for so long, be it idle or slow. Longer than clients
/// usually keep idle connections: one that is closed from this side while a request is on its way leaves the client in
/// doubt.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// How long one that is refused may take to read the refusal.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections that are being refused; further ones are closed without a word.
const REFUSALS_MAX: usize = 64;

/// After a failed accept, which is most likely a lack of file descriptors that will not end at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `stop`, then lets the answers that are on their way leave and returns.
pub(super) async fn serve(
    listener: TcpListener,
    router: axum::Router,
    node: NodeId,
    connections_max: usize,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let message = format!("{connections_max} connections are open already: use fewer, or another node");
    let refusal = Answer::error(outcome::OVERLOADED, node, &message).as_http_refusal();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "accepting a client's connection failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = prepare_client(&stream) {
            debug!(%error, "a client's connection keeps its default options");
        }
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    let _place = place;
                    serve_one(stream, router, stop).await;
                });
            }
            Err(_) => {
                if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                    let refusal = refusal.clone();
                    connections.spawn(async move {
                        let _place = place;
                        // Who does not listen is not told.
                        let _ = timeout(REFUSAL_TIMEOUT, refuse(stream, refusal)).await;
                    });
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_one(stream: TcpStream, router: axum::Router, stop: CancellationToken) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a client's connection ended");
    }
}

/// Answers whatever is asked, and reads what was sent: a connection that is closed with unread data resets, and the
/// client might never see the answer.
async fn refuse(mut stream: TcpStream, refusal: Arc<[u8]>) -> std::io::Result<()> {
    stream.write_all(&refusal).await?;
    stream.shutdown().await?;
    let mut discarded = [0; 4096];
    while stream.read(&mut discarded).await? > 0 {}
    Ok(())
}
