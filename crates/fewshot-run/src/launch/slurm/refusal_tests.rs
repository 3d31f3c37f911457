//! The driver on a cluster that does not take what is submitted.

use super::*;

#[test]
fn a_limit_of_the_cluster_is_waited_for_and_an_array_that_is_more_is_parted() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(20, &mended);
    let mut fake = Fake::new(&plan, &dir.path().join("run"));
    fake.limit = 6;
    let settings = SlurmSettings { stages_per_task: Some(1), ..SlurmSettings::default() };
    assert_eq!(launch(&fake, settings.clone()).unwrap(), json!(20 + 19 * 10));
    let arrays = submitted(&fake);
    assert!(arrays.iter().all(|(tasks, _)| *tasks <= 6), "{arrays:?}");
    assert_eq!(arrays.iter().map(|(tasks, _)| tasks).sum::<usize>(), 22, "each once");
    let records = fs::read_dir(fake.run.join("jobs")).into_iter().flatten().count();
    assert_eq!(records, 0, "what was refused is forgotten as well");
    // Where not even one is taken, and none of the run is there, it is given up after a while.
    let mut fake = Fake::new(&plan, &dir.path().join("none"));
    fake.limit = 0;
    let (refused, began) = (Duration::from_millis(200), Instant::now());
    let error = launch(&fake, SlurmSettings { refused, ..settings }).unwrap_err();
    assert!(error.to_string().contains("QOSMaxSubmitJobPerUserLimit") && began.elapsed() >= refused, "{error}");
    assert!(fake.calls.borrow()["sbatch"] > 4);
}

#[test]
fn a_refusal_while_jobs_of_the_run_are_alive_does_not_end_the_driver() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Cell::new(true);
    let plan = plan(3, &mended);
    let fake = Fake::new(&plan, &dir.path().join("run"));
    // The first array is taken, the second is not, whatever the reason, until the first has ended.
    let refusing = RefusesOnce(&fake, Cell::new(2));
    let folder = RunFolder::create(&fake.run, &BTreeMap::from([("steps", 1)]), &"data".into()).unwrap();
    let settings = SlurmSettings { poll: Duration::ZERO, ..SlurmSettings::default() };
    let jobs = SlurmJobs::new(settings, QUICK, &refusing, |_| vec![String::from("fewshot")]);
    jobs.launch(&plan, &fake.run, Some(folder), &Interrupt::new(), &NoProgress).unwrap();
    assert_eq!(submitted(&fake).iter().map(|(tasks, _)| tasks).sum::<usize>(), 5);
}

/// Refuses some submissions behind the first.
struct RefusesOnce<'a>(&'a Fake<'a>, Cell<usize>);

impl SlurmCalls for RefusesOnce<'_> {
    fn call(&self, program: &str, arguments: &[String], input: &str) -> Result<Said, SpreadError> {
        if program == "sbatch" && !self.0.arrays.borrow().is_empty() && self.1.get() > 0 {
            self.1.set(self.1.get() - 1);
            return Ok(Said { is_good: false, out: String::new(), errors: String::from("partition is down") });
        }
        self.0.call(program, arguments, input)
    }
}
