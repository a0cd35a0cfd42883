//! A journal through a fresh core.

use crate::journal::{OutputsDigest, Record, Replay, ReplayError, Step};
use crate::{
    AccountId, Answer, CoreSettings, Decimal, Deployment, EventNumber, HookEnded, Input, KnownEvents, Output, StrategyId,
    Timestamp,
};

const STRATEGY: StrategyId = StrategyId::new(0);

fn settings() -> CoreSettings {
    CoreSettings { cash: Decimal::ONE_HUNDRED, ..CoreSettings::new(AccountId::new(1), [].into(), [].into()) }
}

/// A strategy that begins, subscribes to nothing, and sees time pass.
fn inputs() -> Vec<Input> {
    let deployment = Deployment { tick_interval_ms: Some(1_000), ..Deployment::new(STRATEGY, [].into(), KnownEvents::ALL) };
    let ended = |number, answer| {
        Input::HookEnded(HookEnded { strategy: STRATEGY, number: EventNumber::new(number), answer, effects: None, fuel: 1 })
    };
    vec![
        Input::Deploy(Box::new(deployment)),
        Input::Start(STRATEGY),
        ended(1, Answer::Subscriptions(Vec::new())),
        Input::Wake,
        ended(2, Answer::Intents(Vec::new())),
    ]
}

fn apply(replay: &mut Replay, number: u64, record: Record) -> Result<Step, ReplayError> {
    replay.apply(number, Timestamp::from_millis(i64::try_from(number).expect("small") * 1_000), record)
}

/// What the core says to the inputs, compared after each of them.
fn recorded() -> Vec<Record> {
    let mut replay = Replay::default();
    let mut records = vec![Record::Settings(Box::new(settings())), Record::Facts(vec![1])];
    records
        .iter()
        .cloned()
        .zip(1..)
        .for_each(|(record, number)| drop(apply(&mut replay, number, record).expect("a beginning")));
    for input in inputs() {
        let number = records.len() as u64 + 1;
        apply(&mut replay, number, Record::Input(input.clone())).expect("an input");
        records.extend([Record::Input(input), Record::Outputs(replay.digest())]);
    }
    records.push(Record::Closed(replay.digest()));
    records
}

fn play(records: Vec<Record>) -> Result<Replay, (u64, ReplayError)> {
    let mut replay = Replay::default();
    for (record, number) in records.into_iter().zip(1..) {
        apply(&mut replay, number, record).map_err(|error| (number, error))?;
    }
    Ok(replay)
}

#[test]
fn a_journal_replays_to_the_same_outputs() {
    let replay = play(recorded()).expect("the same");
    assert_eq!((replay.inputs(), replay.is_closed(), replay.compared()), (5, true, Some(13)));
    assert!(replay.digest().outputs >= 4, "{}", replay.digest());
    assert_eq!(replay.core().map(crate::TradingCore::account), Some(AccountId::new(1)));
}

#[test]
fn an_input_gives_what_the_core_says() {
    let mut replay = Replay::default();
    apply(&mut replay, 1, Record::Settings(Box::new(settings()))).expect("settings");
    let mut inputs = inputs().into_iter();
    apply(&mut replay, 2, Record::Input(inputs.next().expect("deploy"))).expect("an input");
    let step = apply(&mut replay, 3, Record::Input(inputs.next().expect("start"))).expect("an input");
    assert!(step.outputs.iter().any(|output| matches!(output, Output::Deliver(_))), "{:?}", step.outputs);
}

#[test]
fn other_outputs_are_found_between_the_records_that_say_so() {
    let mut records = recorded();
    let place = records.iter().rposition(|record| matches!(record, Record::Input(Input::Wake))).expect("time passes");
    // What the strategy is told and answers is gone.
    records.remove(place);
    let (number, error) = play(records).expect_err("it differs");
    let ReplayError::Differs(mismatch) = error else { panic!("{error}") };
    assert_eq!((mismatch.record, mismatch.same_until), (number, Some(number - 1)));
    assert_eq!(number, place as u64 + 1);
    assert!(error.to_string().starts_with("between records 8 and 9 the core says something else: "), "{error}");
}

#[test]
fn records_that_do_not_belong_together_are_refused() {
    let refused = |records: Vec<Record>| play(records).expect_err("refused");
    let beginning = Record::Settings(Box::new(settings()));
    let other = Record::Settings(Box::new(CoreSettings { live: true, ..settings() }));
    let bad = Record::Settings(Box::new(CoreSettings { account: AccountId::new(u32::MAX), ..settings() }));
    assert_eq!(refused(vec![Record::Input(Input::Wake)]), (1, ReplayError::NoSettings { number: 1 }));
    assert_eq!(refused(vec![beginning.clone(), other]), (2, ReplayError::OtherSettings { number: 2 }));
    assert!(matches!(refused(vec![bad]), (1, ReplayError::Settings { number: 1, .. })));
    let closed = Record::Closed(OutputsDigest::default());
    assert_eq!(
        refused(vec![beginning.clone(), beginning, closed, Record::Input(Input::Wake)]),
        (4, ReplayError::AfterTheEnd { number: 4 })
    );
}

/// Inputs after which a strategy runs, the process is killed, and another one takes over.
fn taken_over() -> Vec<Input> {
    vec![Input::Opened { epoch: 1 }, Input::Wake, Input::Stop { strategy: STRATEGY, reason: crate::StopReason::Operator }]
}

/// The epochs of a journal through one replay; gives it and what was said in each.
fn play_epochs(epochs: &[Vec<Record>]) -> Result<(Replay, Vec<OutputsDigest>), ReplayError> {
    let (mut replay, mut number, mut time, mut said) = (Replay::default(), 0, 0, Vec::new());
    for (place, records) in epochs.iter().enumerate() {
        if place > 0 {
            replay.next_epoch();
        }
        for record in records {
            (number, time) = (number + 1, time + i64::from(matches!(record, Record::Input(_))));
            replay.apply(number, Timestamp::from_millis(time * 1_000), record.clone())?;
        }
        said.push(replay.digest());
    }
    Ok((replay, said))
}

fn epoch(settings: CoreSettings, inputs: Vec<Input>) -> Vec<Record> {
    let beginning = [Record::Settings(Box::new(settings)), Record::Facts(vec![1])];
    beginning.into_iter().chain(inputs.into_iter().map(Record::Input)).collect()
}

#[test]
fn a_core_goes_on_over_the_epochs_in_which_processes_took_it_over() {
    let (first, second) = (epoch(settings(), inputs()), epoch(settings(), taken_over()));
    let (replay, said) = play_epochs(&[first.clone(), second.clone()]).expect("they belong together");
    let through = replay.core().expect("there is one");
    assert_eq!(replay.inputs(), 3, "counted anew in each epoch");
    // One process that was never killed says the same, all in all.
    let (whole, all) = play_epochs(&[epoch(settings(), [inputs(), taken_over()].concat())]).expect("one epoch");
    assert_eq!(said[0].outputs + said[1].outputs, all[0].outputs);
    assert_eq!(said[0].bytes + said[1].bytes, all[0].bytes);
    let alone = whole.core().expect("there is one");
    let states = |core: &crate::TradingCore| core.strategies().map(|strategy| strategy.state().clone()).collect::<Vec<_>>();
    assert_eq!((states(through), through.next_wake()), (states(alone), alone.next_wake()));
    // What was said is compared within each epoch.
    let mut compared = second.clone();
    compared.push(Record::Closed(said[1]));
    assert!(play_epochs(&[first.clone(), compared]).expect("the same").0.is_closed());
    let mut other = second;
    other.push(Record::Outputs(said[0]));
    assert!(matches!(play_epochs(&[first, other]), Err(ReplayError::Differs(_))));
}

#[test]
fn an_epoch_that_nobody_took_over_has_a_core_of_its_own() {
    let other = CoreSettings { live: true, ..settings() };
    let (replay, _) = play_epochs(&[epoch(settings(), inputs()), epoch(other, Vec::new())]).expect("nothing came yet");
    assert_eq!(replay.inputs(), 0);
    let again = [epoch(settings(), inputs()), epoch(settings(), inputs())];
    let (replay, said) = play_epochs(&again).expect("two runs");
    assert_eq!(said[0].outputs, said[1].outputs);
    assert_eq!(replay.core().expect("there is one").strategies().count(), 1);
}

#[test]
fn a_process_takes_over_only_a_core_of_its_own_settings() {
    let other = CoreSettings { live: true, ..settings() };
    let taken = play_epochs(&[epoch(settings(), inputs()), epoch(other, taken_over())]);
    assert!(matches!(taken, Err(ReplayError::TakesOverOther { .. })), "{taken:?}");
    let bare = play_epochs(&[epoch(settings(), inputs()), vec![Record::Input(Input::Wake)]]);
    assert!(matches!(bare, Err(ReplayError::NoSettings { .. })), "{bare:?}");
}
