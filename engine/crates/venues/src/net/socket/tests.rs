//! Servers that talk, never answer, hang up, and send what is no message.

use super::*;
use async_trait::async_trait;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Hands out one connection.
struct Once(Mutex<Option<DuplexStream>>);

#[async_trait]
impl Dial for Once {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let ours = self.0.lock().await.take().ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(ours))
    }
}

struct Still;

impl Ambient for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(7)
    }

    fn chance(&self) -> u32 {
        0
    }
}

const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A connection with its news, and the other end of its bytes.
fn opened() -> (Socket, mpsc::Receiver<SocketReport>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 16);
    let dial = Arc::new(Once(Mutex::new(Some(ours))));
    let target = Target { dial, authority: "exchange".into(), path: "/ws", message_bytes_max: MESSAGE_BYTES_MAX };
    let (reports, news) = mpsc::channel(4);
    (Socket::open(3, target, Arc::new(Still), reports), news, theirs)
}

async fn end(news: &mut mpsc::Receiver<SocketReport>) -> SocketEnd {
    while let Some(report) = news.recv().await {
        assert_eq!((report.number, report.received), (3, Timestamp::from_millis(7)));
        if let SocketNews::Ended(end) = report.news {
            assert_eq!(news.recv().await, None, "nothing comes after the end");
            return end;
        }
    }
    panic!("it has not said how it ended")
}

#[tokio::test(start_paused = true)]
async fn messages_go_both_ways_until_it_is_closed() {
    let (socket, mut news, theirs) = opened();
    let server = async {
        let mut server = accept_async(theirs).await.expect("a handshake");
        let heard = server.next().await.expect("open").expect("sound");
        server.send(Message::Ping("p".into())).await.expect("open");
        server.send(heard).await.expect("open");
        let close = CloseFrame { code: 1000.into(), reason: "Expired".into() };
        server.close(Some(close)).await.expect("open");
        while server.next().await.is_some() {}
    };
    let client = async {
        assert!(socket.send("word".into()));
        assert_eq!(news.recv().await.map(|report| report.news), Some(SocketNews::Opened));
        assert_eq!(news.recv().await.map(|report| report.news), Some(SocketNews::Text("word".into())));
        end(&mut news).await
    };
    let ((), end) = tokio::join!(server, client);
    assert_eq!(end, SocketEnd::Closed { code: 1000, reason: "Expired".into() });
    assert!(end.is_explained());
}

#[tokio::test(start_paused = true)]
async fn one_that_never_shakes_hands_is_waited_for_by_its_owner() {
    let (socket, mut news, _theirs) = opened();
    assert!(timeout(Duration::from_hours(1), news.recv()).await.is_err(), "how long is the owner's to say");
    drop(socket);
    assert_eq!(news.recv().await, None, "and dropping it ends it");
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_during_the_handshake_is_told_of() {
    let (_socket, mut news, mut theirs) = opened();
    let _read = theirs.read(&mut [0; 16]).await.expect("a pipe");
    drop(theirs);
    assert!(matches!(end(&mut news).await, SocketEnd::NoHandshake(_)));
    let (_socket, mut news, mut theirs) = opened();
    theirs.write_all(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nnull").await.expect("a pipe");
    let SocketEnd::NoHandshake(words) = end(&mut news).await else { panic!("no handshake") };
    assert!(words.contains("429"), "{words}");
    let (_socket, mut news, mut theirs) = opened();
    theirs.write_all(&vec![b'x'; 1 << 15]).await.expect("a pipe");
    assert!(matches!(end(&mut news).await, SocketEnd::NoHandshake(_)));
}

/// What a connection says of bytes that come after the handshake.
async fn after(bytes: &[u8]) -> SocketEnd {
    let (_socket, mut news, theirs) = opened();
    let server = async {
        let mut server = accept_async(theirs).await.expect("a handshake");
        let stream = server.get_mut();
        // It may hang up before it has read all of it.
        drop(stream.write_all(bytes).await);
        std::future::pending::<()>().await;
    };
    tokio::select! { end = end(&mut news) => end, () = server => unreachable!() }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_messages_have_names() {
    // Text, 2 bytes, neither of them a letter.
    assert_eq!(after(&[0x81, 0x02, 0xff, 0xfe]).await, SocketEnd::NotText);
    assert_eq!(after(&[0x82, 0x01, 0x00]).await, SocketEnd::NotText);
    assert!(matches!(after(&[0xff; 32]).await, SocketEnd::Protocol(_)));
    // Text of 16 MiB is refused by its header: not one byte of it is waited for.
    let announced = [&[0x81, 0x7f][..], &(16_u64 << 20).to_be_bytes()].concat();
    assert_eq!(after(&announced).await, SocketEnd::TooLarge { most: MESSAGE_BYTES_MAX });
    // As many pieces as make too much.
    let piece = [&[0x00, 0x7e, 0xff, 0xff][..], &vec![b'x'; 0xffff]].concat();
    let pieces = [&[0x01, 0x00][..], &piece.repeat(17)].concat();
    assert_eq!(after(&pieces).await, SocketEnd::TooLarge { most: MESSAGE_BYTES_MAX });
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_dials_is_told_of_too() {
    let dial = Arc::new(Once(Mutex::new(None)));
    let target = Target { dial, authority: "exchange".into(), path: "/ws", message_bytes_max: MESSAGE_BYTES_MAX };
    let (reports, mut news) = mpsc::channel(4);
    let socket = Socket::open(3, target, Arc::new(Still), reports);
    assert!(matches!(end(&mut news).await, SocketEnd::NotConnected(_)));
    assert!(!socket.send("word".into()), "nothing takes it any more");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_the_stream_up_and_loses_nothing() {
    let (socket, mut news, theirs) = opened();
    let (sent, all_sent) = tokio::sync::oneshot::channel();
    let server = async {
        let mut server = accept_async(theirs).await.expect("a handshake");
        for number in 0..50 {
            server.send(Message::text(number.to_string())).await.expect("open");
        }
        assert!(socket.send("still sends".into()));
        assert_eq!(server.next().await.expect("open").expect("sound"), Message::text("still sends"));
        sent.send(()).expect("it is waited for");
        drop(server);
    };
    let client = async {
        all_sent.await.expect("it is sent");
        let mut texts = Vec::new();
        while let Some(report) = news.recv().await {
            if let SocketNews::Text(text) = report.news {
                texts.push(text.to_string());
            }
        }
        texts
    };
    let ((), texts) = tokio::join!(server, client);
    assert_eq!(texts, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
}
