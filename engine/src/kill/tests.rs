//! What files say, and what an account is told of it.

use super::*;
use tempfile::TempDir;

const CANCEL: OperatorCommand = OperatorCommand::Kill { scope: KillScope::Account, action: KillAction::Cancel };
const FLATTEN: OperatorCommand = OperatorCommand::Kill { scope: KillScope::Account, action: KillAction::Flatten };
const REARM: OperatorCommand = OperatorCommand::Rearm { scope: KillScope::Account };

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is a folder for temporary files")
}

/// What an account that listens, or does not, is told at one look.
fn told(watch: &mut KillWatch, listens: bool) -> Vec<OperatorCommand> {
    let mut told = Vec::new();
    watch.look(|command| {
        told.push(command);
        listens
    });
    told
}

#[test]
fn whatever_is_not_understood_cancels() {
    let folder = folder();
    assert_eq!(KillRequest::read(folder.path()), None);
    assert_eq!(KillRequest::read(&folder.path().join("nowhere")), None);
    let cases: [(&[u8], KillAction, &str); 7] = [
        (b"", KillAction::Cancel, ""),
        (b"flatten\n", KillAction::Flatten, ""),
        (b"  reduce-only  me 2", KillAction::ReduceOnly, "me"),
        (b"pause x", KillAction::Pause, "x"),
        (b"cancel", KillAction::Cancel, ""),
        (b"FLATTEN now", KillAction::Cancel, "now"),
        (b"\xff\xfe\x00", KillAction::Cancel, ""),
    ];
    for (text, action, name) in cases {
        fs::write(kill_file(folder.path()), text).expect("it is ours");
        let expected = KillRequest { action, name: name.to_owned() };
        assert_eq!(KillRequest::read(folder.path()), Some(expected), "{:?}", String::from_utf8_lossy(text));
    }
    fs::write(kill_file(folder.path()), vec![b'x'; 10_000_000]).expect("it is ours");
    assert_eq!(KillRequest::read(folder.path()).map(|request| request.action), Some(KillAction::Cancel));
    fs::remove_file(kill_file(folder.path())).expect("it is there");
    fs::create_dir(kill_file(folder.path())).expect("it is ours");
    assert_eq!(KillRequest::read(folder.path()).map(|request| request.action), Some(KillAction::Cancel), "a folder");
}

#[test]
fn what_is_written_is_read() {
    let folder = folder();
    for (_, action) in ACTIONS {
        let request = KillRequest { action, name: "1-2".to_owned() };
        request.write(folder.path()).expect("it is ours");
        assert_eq!(KillRequest::read(folder.path()), Some(request));
    }
}

#[test]
fn each_request_is_told_once_and_the_strongest_counts() {
    let all = folder();
    let own = all.path().join("accounts/alice");
    fs::create_dir_all(&own).expect("it is ours");
    let mut watch = KillWatch::new(KillFolders { own: own.clone(), all: all.path().to_owned() });
    assert_eq!(told(&mut watch, true), []);
    fs::write(kill_file(&own), "").expect("it is ours");
    assert_eq!(told(&mut watch, false), [CANCEL], "it is busy");
    assert_eq!(told(&mut watch, true), [CANCEL]);
    assert_eq!(told(&mut watch, true), []);
    fs::write(kill_file(all.path()), "flatten").expect("it is ours");
    assert_eq!(told(&mut watch, true), [FLATTEN]);
    // Taking files away arms nothing.
    fs::remove_file(kill_file(all.path())).expect("it is there");
    assert_eq!(told(&mut watch, true), [CANCEL], "that of the account is still there");
    fs::write(rearm_file(&own), "").expect("it is ours");
    assert_eq!(told(&mut watch, true), [], "it is still killed");
    fs::remove_file(kill_file(&own)).expect("it is there");
    assert_eq!(told(&mut watch, false), [REARM], "it is busy");
    assert!(!rearm_file(&own).exists());
    assert_eq!(told(&mut watch, true), [REARM]);
    assert_eq!(told(&mut watch, true), []);
}

#[test]
fn how_it_stands_is_written_where_it_was_killed() {
    let folder = folder();
    let mut watch = KillWatch::new(KillFolders { own: folder.path().to_owned(), all: folder.path().to_owned() });
    watch.show(None);
    assert_eq!(StandingReport::read(folder.path()), None, "nobody killed it");
    let request = KillRequest { action: KillAction::Flatten, name: "1-2".to_owned() };
    request.write(folder.path()).expect("it is ours");
    assert_eq!(told(&mut watch, true), [FLATTEN]);
    let held = Standing {
        killed_by: Some("the operator".to_owned()),
        action: Some("flatten".to_owned()),
        since: Some(5),
        open_orders: 0,
        positions: vec![("BTC".to_owned(), "0.1".to_owned())],
    };
    watch.show(Some(&held));
    let report = StandingReport::read(folder.path()).expect("it was written");
    assert_eq!(report.standing, held);
    assert!(!report.has_done(&request), "it holds a position");
    let flat = Standing { positions: Vec::new(), ..held };
    watch.show(Some(&flat));
    let report = StandingReport::read(folder.path()).expect("it was written");
    assert!(report.has_done(&request));
    assert!(!report.has_done(&KillRequest { name: "3-4".to_owned(), ..request }), "that was another request");
    fs::remove_file(kill_file(folder.path())).expect("it is there");
    assert_eq!(told(&mut watch, true), []);
    watch.show(None);
    assert_eq!(StandingReport::read(folder.path()).expect("it was written"), StandingReport::default());
}
