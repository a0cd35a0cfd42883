//! The cache: what was written is read back, and nothing else is.

use super::*;
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().expect("there is room for a directory")
}

fn cache(directory: &TempDir) -> Cache {
    Cache::open(CacheSettings::new(directory.path().join("cache"))).expect("the directory is ours")
}

fn key(number: u8) -> CacheKey {
    CacheKey([number; 32])
}

fn put(cache: &Cache, number: u8, bytes: &[u8]) {
    cache.put(key(number), &Artefact::unsealed(bytes.to_vec())).expect("it is kept");
}

fn path(cache: &Cache, number: u8) -> PathBuf {
    cache.settings.directory.join(key(number).file_name())
}

fn get(cache: &Cache, number: u8) -> Option<Vec<u8>> {
    match cache.get(key(number)).expect("the file system works") {
        Lookup::Hit(artefact) => Some(artefact.bytes().to_vec()),
        Lookup::Absent => None,
        Lookup::Tampered => panic!("the seal is broken"),
    }
}

fn is_tampered(cache: &Cache, number: u8) -> bool {
    matches!(cache.get(key(number)).expect("the file system works"), Lookup::Tampered)
}

#[test]
fn what_is_kept_comes_back() {
    let directory = directory();
    let first = cache(&directory);
    assert_eq!(get(&first, 1), None);
    put(&first, 1, b"code");
    assert_eq!(get(&first, 1).as_deref(), Some(b"code".as_slice()));
    // Another process of the same installation reads it too.
    assert_eq!(get(&cache(&directory), 1).as_deref(), Some(b"code".as_slice()));
}

#[test]
fn any_flipped_bit_breaks_the_seal() {
    let directory = directory();
    let cache = cache(&directory);
    put(&cache, 1, b"code");
    let whole = fs::read(path(&cache, 1)).expect("it is there");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(path(&cache, 1), bytes).expect("it is written");
        assert!(is_tampered(&cache, 1), "byte {at}");
        assert_eq!(get(&cache, 1), None, "it is gone");
    }
}

#[test]
fn a_truncated_or_lengthened_file_breaks_the_seal() {
    let directory = directory();
    let cache = cache(&directory);
    put(&cache, 1, b"code");
    let whole = fs::read(path(&cache, 1)).expect("it is there");
    for length in 0..whole.len() {
        fs::write(path(&cache, 1), &whole[..length]).expect("it is written");
        assert!(is_tampered(&cache, 1), "{length} bytes");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    fs::write(path(&cache, 1), longer).expect("it is written");
    assert!(is_tampered(&cache, 1));
}

#[test]
fn code_of_another_key_or_installation_is_not_loaded() {
    let (directory, elsewhere) = (directory(), directory());
    let (ours, theirs) = (cache(&directory), cache(&elsewhere));
    put(&ours, 1, b"code");
    fs::rename(path(&ours, 1), path(&ours, 2)).expect("it is moved");
    assert!(is_tampered(&ours, 2), "code of one component under the name of another");
    put(&theirs, 1, b"code");
    fs::copy(path(&theirs, 1), path(&ours, 1)).expect("it is copied");
    assert!(is_tampered(&ours, 1), "code sealed with another key");
}

#[test]
fn a_file_longer_than_allowed_is_not_read() {
    let directory = directory();
    let mut cache = cache(&directory);
    cache.settings.artefact_bytes_max = 4;
    put(&cache, 1, b"code");
    assert_eq!(get(&cache, 1).as_deref(), Some(b"code".as_slice()));
    put(&cache, 1, b"codes");
    assert!(is_tampered(&cache, 1));
}

#[test]
fn a_key_that_others_could_know_is_refused() {
    let directory = directory();
    let cache = cache(&directory);
    let key = cache.settings.directory.join(KEY_FILE);
    assert_eq!(fs::metadata(&key).expect("it is there").mode() & 0o777, 0o600);
    let says = || Cache::open(cache.settings.clone()).expect_err("it is refused").to_string();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("it is ours");
    assert_eq!(
        says(),
        format!("{} must belong to this user and be readable by nobody else: its permissions are 644", key.display())
    );
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(&key, b"short").expect("it is ours");
    assert!(says().ends_with("it has 5 bytes"));
    fs::remove_file(&key).expect("it is ours");
    std::os::unix::fs::symlink("/dev/zero", &key).expect("it is ours");
    assert!(says().ends_with("it is a symbolic link"));
}

#[test]
fn a_directory_that_others_write_to_is_refused() {
    let directory = directory();
    let cache = cache(&directory);
    let at = &cache.settings.directory;
    fs::set_permissions(at, Permissions::from_mode(0o777)).expect("it is ours");
    let said = Cache::open(cache.settings.clone()).expect_err("it is refused").to_string();
    assert!(said.ends_with("its permissions are 777"), "{said}");
}

#[test]
fn the_oldest_goes_first() {
    let directory = directory();
    let mut cache = cache(&directory);
    cache.settings.bytes_max = 3 * (MAGIC.len() + SEAL_BYTES + 10) as u64;
    let hour = Duration::from_hours(1);
    for number in 1..=3 {
        put(&cache, number, &[number; 10]);
        let age = hour * (10 - u32::from(number));
        let file = File::options().write(true).open(path(&cache, number)).expect("it is ours");
        file.set_modified(SystemTime::now() - age).expect("it is ours");
    }
    // Used again, the first is the youngest.
    assert!(get(&cache, 1).is_some());
    put(&cache, 4, &[4; 10]);
    assert_eq!([1, 2, 3, 4].map(|number| path(&cache, number).exists()), [true, false, true, true]);
    put(&cache, 5, &[5; 1_000]);
    assert_eq!([1, 2, 3, 4, 5].map(|number| path(&cache, number).exists()), [false; 5], "too large by itself");
}

#[test]
fn what_a_dead_process_left_is_removed() {
    let directory = directory();
    let cache = cache(&directory);
    let [old, young] = ["incoming-old", "incoming-young"].map(|name| cache.settings.directory.join(name));
    File::create(&young).expect("it is ours");
    let file = File::create(&old).expect("it is ours");
    file.set_modified(SystemTime::now() - TEMPORARY_AGE_MAX * 2).expect("it is ours");
    put(&cache, 1, b"code");
    assert!(!old.exists() && young.exists());
}

#[test]
fn many_openers_at_once_agree_on_one_key() {
    let directory = directory();
    let keys: Vec<[u8; KEY_BYTES]> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| cache(&directory).key)).collect();
        openers.into_iter().map(|opener| opener.join().expect("it opens")).collect()
    });
    assert!(keys.iter().all(|key| key == &keys[0]));
}
