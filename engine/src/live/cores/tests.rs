//! Whose turn it is.

use super::*;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use tokio::task::{LocalSet, yield_now};

/// Computes so many slices, and notes each of them under a name.
async fn slices(share: &mut Share, name: char, count: usize, order: &RefCell<String>) {
    let work = async {
        for slice in 0..count {
            order.borrow_mut().push(name);
            if slice + 1 < count {
                yield_now().await;
            }
        }
    };
    share.compute(work, |()| count as u64 * YIELD_FUEL).await;
}

/// What order things happen in where all of this goes on at once, on one thread and one core.
fn together(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is a runtime");
    runtime.block_on(LocalSet::new().run_until(work));
}

#[test]
fn those_that_burn_take_turns_and_whoever_used_least_goes_first() {
    let (cores, order) = (Cores::new(1), RefCell::new(String::new()));
    let (mut one, mut two, mut honest) = (cores.share(), cores.share(), cores.share());
    let asked = Cell::new(0);
    together(async {
        let late = async {
            while order.borrow().len() < 6 {
                yield_now().await;
            }
            asked.set(order.borrow().len());
            slices(&mut honest, 'h', 1, &order).await;
        };
        tokio::join!(slices(&mut one, 'a', 6, &order), slices(&mut two, 'b', 6, &order), late);
    });
    let order = order.into_inner();
    assert_eq!((order.matches('a').count(), order.matches('b').count()), (6, 6), "{order}");
    assert!(!order.contains("aaa") && !order.contains("bbb"), "they take turns: {order}");
    let honest = order.find('h').expect("it computed");
    assert!(honest <= asked.get() + 1, "at most a slice after it asked at {}: {order}", asked.get());
}

#[test]
fn whoever_was_idle_saves_nothing_up() {
    let (cores, order) = (Cores::new(1), RefCell::new(String::new()));
    let (mut old, mut new) = (cores.share(), cores.share());
    together(async {
        slices(&mut old, 'o', 100, &order).await;
        order.borrow_mut().clear();
        // Without it the new one would have a hundred slices before the old one had another.
        tokio::join!(slices(&mut new, 'n', 20, &order), slices(&mut old, 'o', 20, &order));
    });
    let order = order.into_inner();
    assert!(order[..6].contains('o'), "{order}");
}

#[test]
fn whoever_gives_up_waiting_leaves_no_hole() {
    let cores = Cores::new(1);
    let mut waits = cores.share();
    let held = Core(&cores);
    cores.lock().free = 0;
    let woken = Arc::new(Woken(Mutex::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    {
        let mut given_up = Box::pin(waits.compute(async {}, |()| 0));
        assert!(given_up.as_mut().poll(&mut context).is_pending());
        assert_eq!(cores.lock().waiting.len(), 1);
    }
    assert_eq!(cores.lock().waiting.len(), 0);
    let mut next = Box::pin(waits.compute(async {}, |()| 0));
    assert!(next.as_mut().poll(&mut context).is_pending());
    drop(held);
    assert_eq!(*woken.0.lock().expect("nobody panicked with it"), 1);
    assert!(next.as_mut().poll(&mut context).is_ready());
    drop(next);
    assert_eq!(cores.lock().free, 1);
}

#[test]
fn cores_are_given_back_whatever_happens() {
    let cores = Cores::new(2);
    let polls = Cell::new(0);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        together(async {
            let work = async {
                polls.set(1);
                panic!("a guest's host call failed");
            };
            cores.share().compute(work, |(): &()| 0).await;
        });
    }));
    assert!(panics.is_err());
    assert_eq!((polls.get(), cores.lock().free), (1, 2));
}

struct Woken(Mutex<u32>);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.0.lock().expect("nobody panicked with it") += 1;
    }
}
