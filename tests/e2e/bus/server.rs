//! What is particular to a server: passwords, TLS, other people's data, and being asked by many at once.

use super::{connect, consumer, entries, entry, group, minutes, now, numbers, settings};
use calypte::bus::{
    BadEntry, Bus, BusError, BusUrl, EntryId, Misconfiguration, Position, Published, RedisBus, RedisSettings, Refusal,
    Registry as _, Retention, Silence, Streams as _, TlsFiles,
};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tests::{RedisServer, run, skip};

#[tokio::test]
async fn what_is_written_is_plain_text_for_everybody() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let bus = connect(&server, Retention::default()).await;
    bus.publish(&[entry(&minutes("BTC"), 7)], None).await.expect("it answers");
    assert_eq!(server.cli(&["XRANGE", "md.BTC.1m", "-", "+"]), "7000-0\nn\n7\ntext\nmd.BTC.1m 7");
    assert_eq!(server.cli(&["KEYS", "*"]), "md.BTC.1m");
}

#[tokio::test]
async fn entries_of_others_are_handed_over_as_bad_and_can_be_acknowledged() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream, g, c) = (connect(&server, Retention::default()).await, minutes("BTC"), group("g"), consumer("c"));
    bus.join(&stream, &g, Position::First).await.expect("it answers");
    for fields in [["k", "candle"], ["n", "-1"], ["n", "5"]] {
        server.cli(&["XADD", "md.BTC.1m", "*", fields[0], fields[1]]);
    }
    let read = bus.read(&g, &c, std::slice::from_ref(&stream), now(10)).await.expect("one bad entry spoils no other");
    let bad: Vec<_> =
        read.iter().map(|entry| entry.content.as_ref().map(|content| content.number).map_err(Clone::clone)).collect();
    assert_eq!(bad, [Err(BadEntry::Missing("n")), Err(BadEntry::malformed("n", "-1", "a whole number")), Ok(5)]);
    let ids = read.iter().map(|entry| entry.id).collect();
    assert_eq!(bus.acknowledge(&g, &[(stream, ids)]).await, Ok(3));
}

#[tokio::test]
async fn data_that_is_not_ours_is_not_touched() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let (bus, stream) = (connect(&server, Retention::default()).await, minutes("BTC"));
    server.cli(&["SET", "md.BTC.1m", "mine"]);
    server.cli(&["ZADD", "calypte:wanted", "99999999999999", "not a stream", "99999999999999", "md.ETH.1m one"]);
    for refused in [
        bus.publish(&[entry(&stream, 1)], None).await.map(|_| ()),
        bus.join(&stream, &group("g"), Position::First).await.map(|_| ()),
        bus.newest(&stream, 1).await.map(|_| ()),
    ] {
        let Err(BusError::Misconfigured { cause: Misconfiguration::OtherData { .. }, .. }) = refused else {
            panic!("{refused:?}")
        };
    }
    let wanted = bus.wanted().await.expect("it answers");
    assert_eq!(wanted.iter().map(|wanted| wanted.stream.to_string()).collect::<Vec<_>>(), ["md.ETH.1m"]);
    assert_eq!(server.cli(&["GET", "md.BTC.1m"]), "mine");
}

#[tokio::test]
async fn a_password_opens_and_never_shows() {
    let Some(server) = RedisServer::start(&["--requirepass", "s3cret"]) else { return };
    let at = |login: &str| -> BusUrl { format!("redis://{login}127.0.0.1:{}", server.port()).parse().expect("an address") };
    let bus = RedisBus::connect(RedisSettings::new(at(":s3cret@"))).await.expect("the password is right");
    assert_eq!(bus.publish(&[entry(&minutes("BTC"), 1)], None).await, Ok(vec![Published::New]));
    assert!(!format!("{bus:?}").contains("s3cret"));
    for login in ["", ":wr0ng@", "somebody:wr0ng@"] {
        let refused = RedisBus::connect(RedisSettings::new(at(login))).await.expect_err("the password is wrong");
        let BusError::Misconfigured { server: named, cause: Misconfiguration::Login } = &refused else { panic!("{refused:?}") };
        assert_eq!(*named, format!("127.0.0.1:{}", server.port()));
        assert!(!format!("{refused:?} {refused}").contains("wr0ng"));
    }
}

#[tokio::test]
async fn a_user_may_be_allowed_little() {
    let Some(server) = RedisServer::start(&[]) else { return };
    // What the guide tells an operator to allow.
    let rules =
        ["~md.*", "~calypte:*", "+@stream", "+@scripting", "+@hash", "+@sortedset", "+@string", "+@keyspace", "+info", "+time"];
    let set = [&["ACL", "SETUSER", "few", "on", ">pw"], rules.as_slice()].concat();
    assert_eq!(server.cli(&set), "OK");
    let url = format!("redis://few:pw@127.0.0.1:{}", server.port()).parse().expect("an address");
    let bus = RedisBus::connect(RedisSettings::new(url)).await.expect("it is let in");
    assert_eq!(bus.publish(&[entry(&minutes("BTC"), 1)], None).await, Ok(vec![Published::New]));
    assert_eq!(server.cli(&["ACL", "SETUSER", "few", "-@scripting"]), "OK");
    let refused = bus.publish(&[entry(&minutes("BTC"), 2)], None).await.expect_err("it may not any more");
    assert!(matches!(refused, BusError::Misconfigured { cause: Misconfiguration::Permission { .. }, .. }), "{refused:?}");
}

/// Makes an authority and a certificate of it for the loopback; none where there is no `openssl`.
fn certificates(folder: &Path) -> Option<()> {
    if Command::new("openssl").arg("version").output().is_err() {
        skip("`openssl` is not there to make certificates");
        return None;
    }
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        run(command.args(arguments).current_dir(folder)).ok();
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
        &[&["req", "-x509"], &key[..], &["-subj", "/CN=test authority", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"]]
            .concat(),
    );
    openssl(&[&["req"], &key[..], &["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"]].concat());
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").expect("the folder can be written");
    let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    openssl(&[&["x509", "-req", "-in", "server.csr", "-out", "server.pem"], &signed[..]].concat());
    Some(())
}

#[tokio::test]
async fn tls_trusts_the_authority_it_is_given_and_no_other() {
    let folder = tests::temp_dir();
    let Some(()) = certificates(folder.path()) else { return };
    let file = |name: &str| folder.path().join(name);
    let (certificate, key, authority) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let text = |path: &Path| path.to_str().expect("temporary folders have plain names").to_owned();
    let (certificate, key, trusted) = (text(&certificate), text(&key), text(&authority));
    let tls = ["--tls-port", "0", "--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &trusted];
    let Some(server) = RedisServer::start(&[&tls[..], &["--tls-auth-clients", "no", "--requirepass", "s3cret"]].concat())
    else {
        return;
    };
    // The plain port becomes the one for TLS.
    let both = ["-a", "s3cret", "--no-auth-warning", "CONFIG", "SET", "port", "0", "tls-port", &server.port().to_string()];
    assert_eq!(server.cli(&both), "OK", "is this server built with TLS?");
    let url: BusUrl = format!("rediss://:s3cret@127.0.0.1:{}", server.port()).parse().expect("an address");
    let trusting = TlsFiles { authorities: Some(authority), client: None };
    let bus =
        RedisBus::connect(RedisSettings { tls: trusting, ..RedisSettings::new(url.clone()) }).await.expect("it is trusted");
    assert_eq!(bus.publish(&[entry(&minutes("BTC"), 1)], None).await, Ok(vec![Published::New]));
    let refused = RedisBus::connect(RedisSettings::new(url.clone())).await.expect_err("the system does not trust it");
    assert!(matches!(&refused, BusError::Misconfigured { cause: Misconfiguration::Certificates, .. }), "{refused:?}");
    let absent = TlsFiles { authorities: Some(file("absent.pem")), client: None };
    let refused =
        RedisBus::connect(RedisSettings { tls: absent, ..RedisSettings::new(url) }).await.expect_err("there is no file");
    assert!(matches!(refused, BusError::Misconfigured { cause: Misconfiguration::Certificates, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_will_not_do_is_named() {
    let Some(cluster) = RedisServer::start(&["--cluster-enabled", "yes"]) else { return };
    let refused = RedisBus::connect(settings(&cluster, Retention::default())).await.expect_err("it is a cluster");
    assert!(matches!(refused, BusError::Misconfigured { cause: Misconfiguration::Cluster, .. }), "{refused:?}");
    let Some(full) = RedisServer::start(&["--maxclients", "1"]) else { return };
    let first = connect(&full, Retention::default()).await;
    let refused = RedisBus::connect(settings(&full, Retention::default())).await.expect_err("one is all it takes");
    // It says so and hangs up; what we were sending may be reset before its words are read.
    let hung_up = matches!(
        refused,
        BusError::NoAnswer { silence: Silence::Unreachable(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), .. }
    );
    assert!(hung_up || matches!(refused, BusError::Refused { refusal: Refusal::Clients, .. }), "{refused:?}");
    drop(first);
    let mut gone = RedisServer::start(&[]).expect("two have started");
    gone.kill();
    let refused = RedisBus::connect(settings(&gone, Retention::default())).await.expect_err("nobody is there");
    let nobody = Silence::Unreachable(ErrorKind::ConnectionRefused);
    assert!(matches!(&refused, BusError::NoAnswer { silence, .. } if *silence == nobody), "{refused:?}");
}

#[tokio::test]
async fn facts_tell_an_operator_how_it_is_set() {
    let Some(server) = RedisServer::start(&["--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"])
    else {
        return;
    };
    let facts = connect(&server, Retention::default()).await.facts().await.expect("it answers");
    assert!(facts.append_only_file && !facts.replica);
    assert_eq!((facts.memory_max, facts.eviction.as_str()), (64 << 20, "allkeys-lru"));
    assert!(facts.memory_used > 0 && !facts.version.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publish_and_read_at_once() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let bus: Arc<dyn Bus> = Arc::new(connect(&server, Retention::default()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for symbol in 0..8 {
        let (bus, stream) = (bus.clone(), minutes(&format!("COIN{symbol}")));
        let group = group(&format!("g{symbol}"));
        bus.join(&stream, &group, Position::First).await.expect("it answers");
        let (publisher, published) = (bus.clone(), stream.clone());
        tasks.spawn(async move {
            for number in (1..=1_000).step_by(10) {
                publisher.publish(&entries(&published, number..number + 10), None).await.expect("it answers");
            }
        });
        tasks.spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 1_000 {
                let limit = calypte::bus::ReadLimit { entries: 100, wait: super::PATIENCE };
                let read = bus.read(&group, &consumer("c"), std::slice::from_ref(&stream), limit).await.expect("it answers");
                let ids = read.iter().map(|entry| entry.id).collect();
                seen.extend(numbers(&read));
                bus.acknowledge(&group, &[(stream.clone(), ids)]).await.expect("it answers");
            }
            assert_eq!(seen, (1..=1_000).collect::<Vec<_>>());
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task failed");
    }
    let range = bus.range(&minutes("COIN0"), EntryId::ZERO, EntryId::MAX, 10_000).await.expect("it answers");
    assert_eq!(range.len(), 1_000);
}
