//! What stages leave in the run's folder, and what is believed of their own.

use std::cell::RefCell;
use std::fs;

use serde_json::{Value, json};

use super::super::{
    Checkpoint, CheckpointError, Interrupt, NoProgress, Plan, RunError, RunFolder, Stage, StageContext, StageError,
};
use super::toy::Recipe;

/// Two stages that leave the same file, one after the other, and the first one another; each is counted.
fn plan<'a>(calls: &'a RefCell<Vec<&'static str>>) -> Plan<'a> {
    let leave = |context: &StageContext<'_>, name: &str, text: &str| -> Result<(), StageError> {
        let path = context.run().path().join(name);
        fs::write(&path, text)?;
        context.publish(&path);
        Ok(())
    };
    let first = move |context: &StageContext<'_>| {
        calls.borrow_mut().push("first");
        leave(context, "model", "untested")?;
        leave(context, "copy", "copy")?;
        context.save(Checkpoint::new(&json!({ "step": 3 }))?, &context.file("weights"))?;
        Ok(json!(calls.borrow().len()))
    };
    let second = move |context: &StageContext<'_>| {
        calls.borrow_mut().push("second");
        leave(context, "model", "tested")?;
        Ok(json!(calls.borrow().len()))
    };
    Plan::new(vec![
        Stage::new("first", first).produces(["weights"]).publishes(["model", "copy"]),
        Stage::new("second", second).after(["first"]).publishes(["model"]),
    ])
    .unwrap()
}

fn go(plan: &Plan<'_>, run: &RunFolder) -> Result<Value, RunError> {
    plan.run(run, &Interrupt::new(), &NoProgress).map(|values| json!(values))
}

#[test]
fn what_is_lost_is_made_again_by_the_last_that_left_it_and_values_stay() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&dir.path().join("run"), &Recipe::default(), &"".into()).unwrap();
    let calls = RefCell::default();
    let values = go(&plan(&calls), &run).unwrap();
    run.write_result(&values).unwrap();
    let mut answer = values.clone();
    answer["format"] = json!(1);
    let read = |name: &str| fs::read_to_string(run.path().join(name)).unwrap();
    assert_eq!(run.ended::<Value>().unwrap(), Some(answer.clone()));

    let mut expected = vec!["first", "second"];
    let damages: [(&str, Option<&str>, &[&str]); 3] =
        [("model", None, &["second"]), ("model", Some("teste"), &["second"]), ("copy", None, &["first", "second"])];
    for (name, left, again) in damages {
        match left {
            None => fs::remove_file(run.path().join(name)).unwrap(),
            Some(text) => fs::write(run.path().join(name), text).unwrap(),
        }
        assert_eq!(run.ended::<Value>().unwrap(), None);
        assert_eq!(go(&plan(&calls), &run).unwrap(), values);
        expected.extend(again);
        assert_eq!((read("model").as_str(), read("copy").as_str()), ("tested", "copy"));
        assert_eq!(*calls.borrow(), expected);
        assert_eq!(run.ended::<Value>().unwrap(), Some(answer.clone()));
    }
    fs::write(run.path().join("result.json"), "{}").unwrap();
    assert_eq!(run.ended::<Value>().unwrap(), None);

    // A run of a version that noted nothing misses what its stages always leave.
    for (folder, stage) in [("01-first", "first"), ("02-second", "second")] {
        let done = json!({ "stage": stage, "value": values[stage] });
        fs::write(run.path().join("stages").join(folder).join("done.json"), done.to_string()).unwrap();
    }
    assert_eq!(go(&plan(&calls), &run).unwrap(), values);
    assert_eq!(*calls.borrow(), expected);
    fs::remove_file(run.path().join("model")).unwrap();
    assert_eq!(go(&plan(&calls), &run).unwrap(), values);
    assert_eq!(read("model"), "tested");
}

#[test]
fn a_checkpoint_is_loaded_only_where_its_own_run_saved_it() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, steps: u64| {
        let run = RunFolder::create(&dir.path().join(name), &Recipe { steps, lr: 0.1 }, &"".into()).unwrap();
        go(&plan(&RefCell::default()), &run).unwrap();
        run
    };
    let (run, same, other) = (make("run", 3), make("same", 3), make("other", 4));
    let weights = |run: &RunFolder| run.path().join("stages/01-first/weights");
    assert_eq!(fs::read(weights(&run)).unwrap(), fs::read(weights(&same)).unwrap(), "the same run has the same files");
    let load = |from: &RunFolder, file: &str| {
        let bytes = fs::read(weights(from)).unwrap();
        let stage = Stage::new("load", move |context| {
            fs::write(context.file(file), &bytes)?;
            Ok(context.load(&context.file(file))?.meta)
        });
        let run = RunFolder::create(&dir.path().join(file), &Recipe { steps: 3, lr: 0.1 }, &"".into()).unwrap();
        match Plan::new(vec![stage]).unwrap().run(&run, &Interrupt::new(), &NoProgress) {
            Err(RunError::Stage { source, .. }) => *source.downcast::<CheckpointError>().unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let (here, there) = (load(&run, "a").to_string(), load(&other, "b").to_string());
    assert!(here.contains("`stages/01-first/weights` of this run"), "{here}");
    assert!(there.contains("`stages/01-first/weights` of another run"), "{there}");

    // Altered after its stage ended, it is no longer what the stage left.
    fs::copy(weights(&other), weights(&run)).unwrap();
    let error = go(&plan(&RefCell::default()), &run).unwrap_err();
    assert!(matches!(&error, RunError::Damaged { path, .. } if path.ends_with("weights")), "{error}");
    // What was written before there were owners is taken for right.
    Checkpoint::new(&json!(1)).unwrap().save(&dir.path().join("old")).unwrap();
    assert_eq!(Checkpoint::load(&dir.path().join("old")).unwrap().meta, json!(1));
}
