//! Plans: what is none, the order, what is repeated and what is not.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::{
    Handle, Interrupt, Interrupted, NoProgress, Plan, PlanError, RecordedStage, RunError, RunFolder, Stage, StageError,
    is_interrupted,
};
use super::toy::Recipe;

fn nothing(name: &str) -> Stage<'static> {
    Stage::new(name, |_| Ok(Value::Null))
}

fn new_run() -> (tempfile::TempDir, RunFolder) {
    let dir = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&dir.path().join("run"), &Recipe::default(), &"".into()).unwrap();
    (dir, run)
}

fn go(plan: &Plan<'_>, run: &RunFolder) -> Result<Value, RunError> {
    plan.run(run, &Interrupt::new(), &NoProgress).map(|values| json!(values))
}

fn plan_error(stages: Vec<Stage<'_>>) -> PlanError {
    Plan::new(stages).err().unwrap()
}

#[test]
fn what_is_no_plan_is_refused() {
    let error = plan_error(vec![nothing("a"), nothing("a")]);
    assert_eq!(error, PlanError::Duplicate { name: String::from("a") });
    let error = plan_error(vec![nothing("a"), nothing("b").after(["a", "c"])]);
    assert!(matches!(&error, PlanError::UnknownInput { input, .. } if input == "c"), "{error}");
    let long = "x".repeat(81);
    for name in ["", "../a", "A", "a b", "-a", ".a", &long] {
        assert!(matches!(plan_error(vec![nothing(name)]), PlanError::Name { .. }), "{name}");
    }
    for output in ["", "../a", "a/b", "done.json", ".tmp-1", ".."] {
        let error = plan_error(vec![nothing("a").produces([output])]);
        assert!(matches!(error, PlanError::Output { .. }), "{output}: {error}");
    }
}

#[test]
fn a_circle_is_shown() {
    let stages = vec![
        nothing("start"),
        nothing("end").after(["c"]),
        nothing("a").after(["start", "c"]),
        nothing("b").after(["a"]),
        nothing("c").after(["b"]),
    ];
    let error = plan_error(stages);
    let circle = ["c", "b", "a", "c"].map(String::from).to_vec();
    assert_eq!(error, PlanError::Cycle { circle });
    assert!(error.to_string().ends_with("c <- b <- a <- c"), "{error}");
    let error = plan_error(vec![nothing("a").after(["a"])]);
    assert_eq!(error, PlanError::Cycle { circle: vec![String::from("a"); 2] });
}

#[test]
fn stages_run_in_the_order_given_among_the_ready() {
    let plan = Plan::new(vec![
        nothing("report").after(["b", "a"]),
        nothing("b").after(["parent"]),
        nothing("a").after(["parent"]),
        nothing("parent"),
        nothing("alone"),
    ])
    .unwrap();
    assert_eq!(plan.names().collect::<Vec<_>>(), ["parent", "b", "a", "report", "alone"]);

    let (_dir, run) = new_run();
    let mut seen = Vec::new();
    loop {
        let ready = plan.ready(run.reader()).unwrap();
        let Some(first) = ready.first().copied() else {
            break;
        };
        seen.push(ready);
        plan.run_stage(first, &run, &Interrupt::new(), &NoProgress).unwrap();
    }
    let expected: [&[&str]; 5] =
        [&["parent", "alone"], &["b", "a", "alone"], &["a", "alone"], &["report", "alone"], &["alone"]];
    assert_eq!(seen, expected);
}

#[test]
fn a_reader_sees_which_stages_are_done() {
    let plan = Plan::new(vec![Stage::new("one", |_| Ok(json!(1))), nothing("two").after(["one"])]).unwrap();
    let (_dir, run) = new_run();
    assert_eq!(run.stages().unwrap(), []);
    plan.run_stage("one", &run, &Interrupt::new(), &NoProgress).unwrap();
    let stage = |name: &str, value| RecordedStage { name: name.to_owned(), value };
    assert_eq!(run.stages().unwrap(), [stage("one", Some(json!(1))), stage("two", None)]);
    plan.run_stage("two", &run, &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(run.stages().unwrap()[1], stage("two", Some(Value::Null)));
}

#[test]
fn a_stage_that_is_done_is_not_repeated() {
    let calls = RefCell::new(Vec::new());
    let fail = RefCell::new(true);
    let plan = Plan::new(vec![
        Stage::new("one", |context| {
            calls.borrow_mut().push("one");
            fs::write(context.file("weights"), b"w")?;
            Ok(json!({ "loss": 0.1 + 0.2 }))
        })
        .produces(["weights"]),
        Stage::new("two", |context| {
            calls.borrow_mut().push("two");
            let seen = context.file("seen");
            if *fail.borrow() {
                fs::write(&seen, b"from the first try")?;
                return Err("the loss is NaN".into());
            }
            assert_eq!(fs::read(context.input_file("one", "weights")?)?, b"w");
            let kept = fs::read_to_string(&seen)?;
            Ok(json!([context.input::<Value>("one")?["loss"], kept]))
        })
        .after(["one"]),
    ])
    .unwrap();
    let (_dir, run) = new_run();
    let error = go(&plan, &run).unwrap_err();
    assert_eq!(error.to_string(), "stage `two`: the loss is NaN");
    assert!(!is_interrupted(&error));
    fail.replace(false);
    let first = go(&plan, &run).unwrap();
    assert_eq!(first["two"], json!([0.1 + 0.2, "from the first try"]));
    assert_eq!(go(&plan, &run).unwrap(), first);
    assert_eq!(*calls.borrow(), ["one", "two", "two"]);
    assert_eq!(plan.value("one", &run).unwrap(), Some(json!({ "loss": 0.1 + 0.2 })));
    assert!(plan.ready(&run).unwrap().is_empty());

    // Without its folder a stage is not done, and is repeated.
    fs::remove_dir_all(run.path().join("stages/01-one")).unwrap();
    go(&plan, &run).unwrap();
    assert_eq!(*calls.borrow(), ["one", "two", "two", "one"]);
}

#[test]
fn an_interruption_is_no_failure() {
    let (_dir, run) = new_run();
    let interrupt = Interrupt::new();
    let plan = Plan::new(vec![
        nothing("before"),
        Stage::new("long", |context| {
            context.interrupt().check()?;
            context.interrupt().request();
            context.interrupt().check().map_err(|e| std::io::Error::other(e).into()).map(|()| Value::Null)
        }),
        nothing("after"),
    ])
    .unwrap();
    let error = plan.run(&run, &interrupt, &NoProgress).unwrap_err();
    assert!(matches!(error, RunError::Interrupted { .. }), "{error}");
    assert!(is_interrupted(&error));
    let advice = format!("fewshot resume {}", run.path().display());
    assert!(error.to_string().contains(&advice), "{error}");
    assert_eq!(plan.ready(&run).unwrap(), ["long", "after"]);
    // With the request still there nothing begins.
    let error = plan.run_stage("after", &run, &interrupt, &NoProgress).unwrap_err();
    assert!(is_interrupted(&error));
    let events = run.events().unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["opened", "settled", "started", "done", "started", "interrupted"]);
    let boxed: StageError = Interrupted.into();
    assert!(is_interrupted(&*boxed as &(dyn std::error::Error + 'static)));
}

#[test]
fn wrong_use_is_told() {
    let (_dir, run) = new_run();
    let plan = Plan::new(vec![
        Stage::new("a", |_| Ok(json!(1))).produces(["w"]),
        Stage::new("b", |context| Ok(json!(context.input::<u32>("a")?))),
        Stage::new("c", |context| Ok(json!(context.input::<String>("b")?))).after(["b"]),
        Stage::new("d", |context| Ok(json!(context.input_file("b", "w")?))).after(["b"]),
    ])
    .unwrap();
    let stage = |name| plan.run_stage(name, &run, &Interrupt::new(), &NoProgress);
    let cause = |name| match stage(name) {
        Err(RunError::Stage { source, .. }) => *source.downcast::<RunError>().unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(stage("a"), Err(RunError::OutputNotMade { .. })));
    assert!(matches!(stage("x"), Err(RunError::UnknownStage { .. })));
    assert!(matches!(stage("c"), Err(RunError::NotReady { .. })));
    assert!(matches!(cause("b"), RunError::Undeclared { .. }));
    let done = run.path().join("stages/02-b");
    fs::create_dir_all(&done).unwrap();
    fs::write(done.join("done.json"), "{\"stage\":\"b\",\"value\":3}").unwrap();
    assert!(matches!(cause("c"), RunError::InputForm { .. }));
    assert!(matches!(cause("d"), RunError::Undeclared { .. }));
}

#[test]
fn damage_to_a_finished_stage_is_told() {
    let (_dir, run) = new_run();
    let make = |context: &super::super::StageContext<'_>| {
        fs::write(context.file("w"), b"w")?;
        Ok(json!(1))
    };
    let plan = Plan::new(vec![Stage::new("a", make).produces(["w"])]).unwrap();
    go(&plan, &run).unwrap();
    let file = |name: &str| -> PathBuf { run.path().join("stages/01-a").join(name) };
    let done = fs::read(file("done.json")).unwrap();
    for end in 0..done.len() - 2 {
        fs::write(file("done.json"), &done[..end]).unwrap();
        let error = go(&plan, &run).unwrap_err();
        assert!(matches!(error, RunError::Damaged { .. }), "{end}: {error}");
        assert!(error.to_string().contains("delete the folder"), "{error}");
    }
    fs::write(file("done.json"), "{\"stage\":\"b\",\"value\":1}").unwrap();
    assert!(matches!(go(&plan, &run), Err(RunError::Damaged { .. })));
    fs::write(file("done.json"), &done).unwrap();
    fs::remove_file(file("w")).unwrap();
    let error = go(&plan, &run).unwrap_err();
    assert!(matches!(error, RunError::MissingOutput { .. }), "{error}");
    fs::write(file("w"), b"w").unwrap();
    assert_eq!(go(&plan, &run).unwrap(), json!({ "a": 1 }));
}

#[test]
fn a_run_goes_on_only_as_it_was_begun() {
    let (dir, run) = new_run();
    go(&Plan::new(vec![nothing("a"), nothing("b")]).unwrap(), &run).unwrap();
    let others = [
        (vec![nothing("a"), nothing("c")], "stage 2 was `b`, is now `c`"),
        (vec![nothing("a")], "it had 2 stages, now 1"),
        (vec![nothing("a"), nothing("b").after(["a"])], "stage `b` has other inputs"),
    ];
    for (stages, difference) in others {
        let plan = Plan::new(stages).unwrap();
        let error = go(&plan, &run).unwrap_err();
        assert!(matches!(error, RunError::PlanChanged { .. }), "{error}");
        assert!(error.to_string().contains(difference), "{error}");
        assert!(matches!(plan.ready(&run), Err(RunError::PlanChanged { .. })));
    }
    drop(run);
    let path = dir.path().join("run");
    let file = path.join("run.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("steps = 12", "steps = 13")).unwrap();
    let error = RunFolder::open(&path).unwrap_err();
    assert!(matches!(error, RunError::SettingsChanged { .. }), "{error}");
    // Older runs did not note their settings: there the plan tells it.
    fs::remove_file(path.join("events.jsonl")).unwrap();
    let run = RunFolder::open(&path).unwrap();
    let error = go(&Plan::new(vec![nothing("a"), nothing("b")]).unwrap(), &run).unwrap_err();
    assert!(matches!(error, RunError::SettingsChanged { .. }), "{error}");
}

#[test]
fn a_handle_hands_on_a_value_of_its_type() {
    static COUNTED: Handle<Vec<u32>> = Handle::new("count");
    let (_dir, run) = new_run();
    let sum: Handle<u32> = Handle::named("sum".to_string());
    let plan = Plan::new(vec![
        Stage::of(&COUNTED, |_| Ok::<_, StageError>(vec![1, 2, 3])),
        Stage::of(&sum, |context| context.value(&COUNTED).map(|counted| counted.iter().sum())).after([&COUNTED]),
        Stage::new("alone", |context| Ok(json!(context.value(&sum)?))),
    ])
    .unwrap();
    assert_eq!(plan.names().collect::<Vec<_>>(), ["count", "sum", "alone"]);
    let stage = |name: &str| plan.run_stage(name, &run, &Interrupt::new(), &NoProgress);
    assert!(matches!(stage(sum.name()), Err(RunError::NotReady { .. })));
    stage(COUNTED.name()).unwrap();
    assert_eq!(stage(sum.name()).unwrap(), json!(6));
    assert!(matches!(stage("alone"), Err(RunError::Stage { .. })));
}
