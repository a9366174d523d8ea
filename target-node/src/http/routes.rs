//! The table of routes, and what each does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::answer::Answer;
use super::counters::RequestCounters;
use super::request::{Asked, Operation};
use super::{body, metrics, status};
use crate::core::{ClientResponse, NodeId, OperatorRequest};
use crate::driver::{NodeHandle, NodeStopped, prepare_client};

/// The routes, for whoever asks for another.
pub(super) const ROUTES: &str = "POST /v1/read, /v1/write, /v1/cas, /v1/add, /admin/promote, and GET /status, /metrics";

/// What every handler may use.
struct Shared {
    node: NodeHandle,
    id: NodeId,
    request_timeout: Duration,
    requests: RequestCounters,
}

/// What the interface needs to know about the node.
pub(crate) struct Service {
    pub(crate) node: NodeHandle,
    pub(crate) id: NodeId,
    /// How long a request may wait for its answer.
    pub(crate) request_timeout: Duration,
}

/// Answers requests until `stop`, then lets the answers that are on their way leave.
pub(crate) async fn serve(listener: TcpListener, service: Service, stop: CancellationToken) {
    let Service { node, id, request_timeout } = service;
    let shared = Arc::new(Shared { node, id, request_timeout, requests: RequestCounters::default() });
    let listener = listener.tap_io(|stream| {
        if let Err(error) = prepare_client(stream) {
            debug!(%error, "a client's connection keeps its default options");
        }
    });
    let served = axum::serve(listener, router(shared)).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        error!(%error, "the HTTP server ended");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/admin/promote", post(promote))
        .route("/status", get(report_status))
        .route("/metrics", get(report_metrics));
    for operation in [Operation::Read, Operation::Write, Operation::Cas, Operation::Add] {
        let handler =
            move |State(shared): State<Arc<Shared>>, body: Body| async move { shared.client(operation, body).await };
        router = router.route(operation.path(), post(handler));
    }
    router
        .fallback(|State(shared): State<Arc<Shared>>, uri: Uri| async move {
            shared.counted("other", Answer::not_found(shared.id, uri.path()))
        })
        .method_not_allowed_fallback(|State(shared): State<Arc<Shared>>| async move {
            shared.counted("other", Answer::method_not_allowed(shared.id))
        })
        .with_state(shared)
}

impl Shared {
    /// Answers one request of a client.
    async fn client(&self, operation: Operation, body: Body) -> Answer {
        let answer = match body::read(body).await {
            Err(error) => Answer::from_body_error(self.id, &error),
            Ok(bytes) => match operation.parse(&bytes) {
                Err(error) => Answer::bad_request(self.id, &error.to_string()),
                Ok(asked) => self.ask(asked).await,
            },
        };
        self.counted(operation.path(), answer)
    }

    /// Asks the node, for as long as a request may wait.
    async fn ask(&self, asked: Asked) -> Answer {
        match tokio::time::timeout(self.request_timeout, self.node.client(asked.body)).await {
            Ok(Ok(response)) => Answer::from_core(self.id, response, asked.value.as_ref()),
            Ok(Err(stopped)) => self.stopped(stopped),
            Err(_) => Answer::timeout(self.id, self.request_timeout.as_millis()),
        }
    }

    fn stopped(&self, stopped: NodeStopped) -> Answer {
        Answer::unknown(self.id, &stopped.to_string())
    }

    fn counted(&self, route: &'static str, answer: Answer) -> Answer {
        self.requests.add(route, answer.outcome);
        answer
    }
}

async fn promote(State(shared): State<Arc<Shared>>) -> Answer {
    let answer = match shared.node.operate(OperatorRequest::Promote).await {
        Ok(ClientResponse::Refused { reason }) => Answer::refused(shared.id, &reason),
        Ok(_) => match shared.node.report().await {
            Ok(report) => Answer::json(&status::body(&report)),
            Err(stopped) => shared.stopped(stopped),
        },
        Err(stopped) => shared.stopped(stopped),
    };
    shared.counted("/admin/promote", answer)
}

async fn report_status(State(shared): State<Arc<Shared>>) -> Answer {
    let answer = match shared.node.report().await {
        Ok(report) => Answer::json(&status::body(&report)),
        Err(stopped) => shared.stopped(stopped),
    };
    shared.counted("/status", answer)
}

async fn report_metrics(State(shared): State<Arc<Shared>>) -> Response {
    match shared.node.report().await {
        Ok(report) => {
            let text = metrics::text(&report, &shared.requests);
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
        }
        Err(stopped) => shared.stopped(stopped).into_response(),
    }
}
