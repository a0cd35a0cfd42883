//! The server moves bytes: sockets, requests, refusals and its end, over real connections.

use calypte_devnet::exchange::Settings;
use calypte_devnet::faults::{Fault, FaultKind};
use calypte_devnet::node::NodeSettings;
use calypte_devnet::server::{Server, ServerError, ServerSettings, wall_clock};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

struct Running {
    clients: SocketAddr,
    control: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start(faults: Vec<Fault>) -> Running {
    let mut exchange = Settings::new(3, wall_clock());
    exchange.history_minutes = 0;
    let node = NodeSettings { faults, ..NodeSettings::new(exchange) };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(ServerSettings { listen: any, control: Some(any), node }).await.expect("it listens");
    let (clients, control) = (server.address().expect("a port"), server.control_address().expect("a port").expect("a port"));
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(server.run(async { drop(stopped.await) }));
    Running { clients, control, stop, served }
}

async fn open(address: SocketAddr) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(address).await.expect("it listens");
    client_async(format!("ws://{address}/ws"), stream).await.map(|(socket, _)| socket)
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        match socket.next().await.expect("it goes on").expect("a frame") {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Close(frame) => return json!(format!("closed {}", frame.map_or(0, |frame| u16::from(frame.code)))),
            _ => {}
        }
    }
}

/// Sends bytes on a connection of their own, and reads all that comes back.
async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(bytes.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it ends");
    answer
}

fn request(method: &str, path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_socket_is_served_and_told_when_the_server_goes() {
    let running = start(Vec::new()).await;
    let mut socket = open(running.clients).await.expect("it opens");
    let subscribe = json!({ "method": "subscribe", "subscription": { "type": "allMids" } });
    socket.send(Message::text(subscribe.to_string())).await.expect("it is sent");
    assert_eq!(next(&mut socket).await["channel"], "subscriptionResponse");
    assert!(next(&mut socket).await["data"]["mids"]["BTC"].is_string());
    running.stop.send(()).expect("it runs");
    let last = loop {
        let frame = next(&mut socket).await;
        if frame.is_string() {
            break frame;
        }
    };
    assert_eq!(last, "closed 1001");
    // The answer to a close frame, and the end of the connection.
    while let Some(Ok(_)) = socket.next().await {}
    running.served.await.expect("it ends");
}

#[tokio::test]
async fn an_unknown_coin_ends_the_connection_without_a_close_frame() {
    let running = start(Vec::new()).await;
    let mut socket = open(running.clients).await.expect("it opens");
    let subscribe = json!({ "method": "subscribe", "subscription": { "type": "trades", "coin": "btc" } });
    socket.send(Message::text(subscribe.to_string())).await.expect("it is sent");
    let end = socket.next().await;
    assert!(matches!(end, None | Some(Err(_))), "{end:?}");
}

#[tokio::test]
async fn sockets_beyond_the_limit_and_faults_are_refused_in_the_handshake() {
    let running = start(Vec::new()).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(open(running.clients).await.expect("there is room"));
    }
    let Err(Error::Http(refused)) = open(running.clients).await else { panic!("it opens") };
    assert_eq!(refused.status(), 429);
    let running = start(vec![Fault::new(FaultKind::Refuse)]).await;
    let Err(Error::Http(refused)) = open(running.clients).await else { panic!("it opens") };
    assert_eq!(refused.status(), 503);
    let plain = raw(running.clients, &request("GET", "/ws", "text/plain", "")).await;
    assert!(plain.starts_with("HTTP/1.1 400 "), "{plain}");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_socket_and_no_other() {
    let running = start(Vec::new()).await;
    let mut large = open(running.clients).await.expect("it opens");
    let mut other = open(running.clients).await.expect("it opens");
    // It may be gone before all of it is sent.
    drop(large.send(Message::text("x".repeat(2 << 20))).await);
    while let Some(Ok(_)) = large.next().await {}
    other.send(Message::text(r#"{"method":"ping"}"#)).await.expect("it is sent");
    assert_eq!(next(&mut other).await, json!({ "channel": "pong" }));
}

#[tokio::test]
async fn requests_are_answered_late_or_never_where_that_is_ordered() {
    let late = Fault { times: Some(1), by_ms: 1, ..Fault::new(FaultKind::Delay) };
    let lost = Fault { times: Some(1), only: Some("meta".into()), ..Fault::new(FaultKind::LostAnswer) };
    let running = start(vec![late, lost]).await;
    let status = request("POST", "/info", "application/json", r#"{"type":"exchangeStatus"}"#);
    assert!(raw(running.clients, &status).await.starts_with("HTTP/1.1 200 "));
    let meta = request("POST", "/info", "application/json", r#"{"type":"meta"}"#);
    assert_eq!(raw(running.clients, &meta).await, "");
    assert!(raw(running.clients, &meta).await.contains("universe"));
}

#[tokio::test]
async fn the_control_port_takes_json_only_and_stays_on_the_loopback() {
    let running = start(Vec::new()).await;
    let fault = r#"{"kind":"drop"}"#;
    let answer = raw(running.control, &request("POST", "/faults", "text/plain", fault)).await;
    assert!(answer.starts_with("HTTP/1.1 415 "), "as a page in a browser could send it: {answer}");
    let answer = raw(running.control, &request("POST", "/faults", "application/json", fault)).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""kind":"drop""#), "{answer}");
    let answer = raw(running.clients, &request("POST", "/faults", "application/json", fault)).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "clients have no such port: {answer}");

    let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let node = NodeSettings::new(Settings::new(3, wall_clock()));
    let settings = ServerSettings { listen: running.clients, control: Some(anywhere), node };
    assert!(matches!(Server::bind(settings).await, Err(ServerError::ControlNotLoopback(_))));
}
