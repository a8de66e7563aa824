//! Float expressions have the same bits whether they are compiled or not, and whatever device is asked for.

use gradframe::Session;

use crate::harness::{exact_texts, on_device_asked_for};

/// Of all the values that are special, and some that are not; a batch is shorter.
const VALUES: &str = "CREATE TABLE v AS SELECT x, y, CAST(x AS FLOAT) AS f, CAST(y AS FLOAT) AS h, n FROM
    (SELECT unnest([0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, 'NaN'::DOUBLE, 'inf'::DOUBLE, '-inf'::DOUBLE, NULL]) AS x),
    (SELECT unnest([0.0, -0.0, 2.0, -0.3, 1e10, 'NaN'::DOUBLE, 'inf'::DOUBLE, NULL]) AS y),
    (SELECT unnest([0, 1, -7, 9007199254740993, NULL]) AS n)";

/// Draws the same expressions each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn expression(&mut self, depth: u32, single: bool) -> String {
        if depth == 0 {
            let double = ["x", "y", "CAST(n AS DOUBLE)", "0.5", "CAST(f AS DOUBLE)", "2e0"];
            let float = ["f", "h", "CAST(n AS FLOAT)", "CAST(0.5 AS FLOAT)", "CAST(x AS FLOAT)"];
            return self.one_of(if single { &float } else { &double }).to_owned();
        }
        let a = self.expression(depth - 1, single);
        let functions = ["abs", "floor", "ceil", "sin", "cos", "atan", "cosh", "exp"];
        match self.below(4) {
            0 => format!("{}({a})", self.one_of(&functions)),
            1 => format!("-({a})"),
            _ => {
                let b = self.expression(depth - 1, single);
                format!("({a}) {} ({b})", self.one_of(&["+", "-", "*", "/", "%"]))
            }
        }
    }
}

async fn rows(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let frame = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches.iter().flat_map(exact_texts).collect()
}

async fn both(session: &Session, sql: &str) -> [Vec<Vec<String>>; 2] {
    let mut answers = [vec![], vec![]];
    for (answer, on) in answers.iter_mut().zip([true, false]) {
        session.sql(&format!("SET gradframe.numeric_stages = {on}")).await.unwrap();
        *answer = rows(session, sql).await;
    }
    answers
}

async fn session(home: &tempfile::TempDir) -> Session {
    let session = Session::builder().home(home.path()).threads(2).batch_size_rows(64).build().unwrap();
    session.sql(VALUES).await.unwrap();
    on_device_asked_for(&session).await;
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compiled_expressions_have_the_bits_of_those_that_are_not() {
    let home = tempfile::tempdir().unwrap();
    let session = session(&home).await;
    let mut draw = Draw(7);
    for i in 0..60 {
        let exprs: Vec<String> = (0..3).map(|_| draw.expression(3, i % 3 == 0)).collect();
        let sql = format!("SELECT x, y, n, {} FROM v WHERE abs({}) < 300 ORDER BY x, y, n", exprs.join(", "), exprs[0]);
        let [on, off] = both(&session, &sql).await;
        assert_eq!(on, off, "{sql}");
    }
}

/// With a device and without one: what cannot run there runs on the CPU.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_have_the_same_bits_whatever_device_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let session = session(&home).await;
    let mut draw = Draw(11);
    for i in 0..20 {
        let exprs: Vec<String> = (0..3).map(|_| draw.expression(3, i % 3 == 0)).collect();
        let sql = format!("SELECT x, y, n, {} FROM v WHERE abs({}) < 300 ORDER BY x, y, n", exprs.join(", "), exprs[0]);
        let mut answers = vec![];
        for device in ["cpu", "auto", "cuda"] {
            session.sql(&format!("SET gradframe.device = '{device}'")).await.unwrap();
            answers.push(rows(&session, &sql).await);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{sql}");
    }
}
