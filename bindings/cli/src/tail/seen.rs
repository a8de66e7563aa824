//! What `gradframe runs tail` has printed of a run's metrics, and which points are new.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// One value that has been logged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub time_us: i64,
    pub step: i64,
    /// None where only steps are counted.
    pub epoch: Option<i64>,
    pub name: String,
    pub value: f64,
}

impl Point {
    fn mark(&self) -> Mark {
        (self.time_us, self.step, self.value.to_bits())
    }
}

/// What tells the points of a metric apart: time, step and the value's bits.
type Mark = (i64, i64, u64);

/// Points come by the clocks of those who log them; what comes later than that after a point of a later time is looked for among all.
const LATE_US: i64 = 10_000_000;

/// What has been printed: of each metric how often each of its points. Steps say nothing: each metric counts its own, and may begin again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    printed: HashMap<String, Printed>,
}

/// What has been printed of a metric.
#[derive(Debug, Default)]
struct Printed {
    /// The time of the last point.
    newest_us: Option<i64>,
    /// Its points from [`LATE_US`] before that time on, each with how often it was printed.
    recent: HashMap<Mark, usize>,
    /// The hashes of those before: a million of them are eight megabytes.
    older: Vec<u64>,
}

impl Printed {
    fn since_us(&self) -> Option<i64> {
        self.newest_us.map(|newest| newest.saturating_sub(LATE_US))
    }

    fn count(&self) -> usize {
        self.older.len() + self.recent.values().sum::<usize>()
    }

    /// Counts a point as printed.
    fn add(&mut self, mark: Mark) {
        *self.recent.entry(mark).or_default() += 1;
        self.newest_us = Some(self.newest_us.map_or(mark.0, |newest| newest.max(mark.0)));
    }

    /// Of the points that are no longer recent only hashes are kept.
    fn age(&mut self) {
        let Some(since) = self.since_us() else { return };
        let older = &mut self.older;
        self.recent.retain(|mark, times| {
            let stays = mark.0 >= since;
            if !stays {
                older.extend(std::iter::repeat_n(hash(*mark), *times));
            }
            stays
        });
    }

    /// How often each point was printed, by hashes.
    fn by_hash(&self) -> HashMap<u64, usize> {
        let mut times: HashMap<u64, usize> = HashMap::new();
        self.older.iter().for_each(|hash| *times.entry(*hash).or_default() += 1);
        self.recent.iter().for_each(|(mark, printed)| *times.entry(hash(*mark)).or_default() += printed);
        times
    }
}

fn hash(mark: Mark) -> u64 {
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    hasher.finish()
}

impl Seen {
    /// How many points of a metric have been printed.
    pub fn printed_of(&self, name: &str) -> i64 {
        self.printed.get(name).map_or(0, |printed| printed.count() as i64)
    }

    /// From which time on points of a metric may be new; None if none was printed.
    pub fn since_us(&self, name: &str) -> Option<i64> {
        self.printed.get(name)?.since_us()
    }

    /// Those that are new, in the order of time. `points` are all of their metrics from [`Seen::since_us`] on.
    pub fn new_among(&mut self, points: Vec<Point>) -> Vec<Point> {
        let mut again: HashMap<String, HashMap<Mark, usize>> = HashMap::new();
        let mut new: Vec<Point> = Vec::new();
        for point in points {
            let times = again.entry(point.name.clone()).or_default().entry(point.mark()).or_default();
            *times += 1;
            let printed = self.printed.entry(point.name.clone()).or_default();
            if *times > printed.recent.get(&point.mark()).copied().unwrap_or_default() {
                printed.add(point.mark());
                new.push(point);
            }
        }
        self.printed.values_mut().for_each(Printed::age);
        in_order(new)
    }

    /// The same of all points of their metrics, whenever they came.
    pub fn new_among_all(&mut self, points: Vec<Point>) -> Vec<Point> {
        let mut left: HashMap<String, HashMap<u64, usize>> = HashMap::new();
        let mut new: Vec<Point> = Vec::new();
        for point in points {
            let printed = self.printed.entry(point.name.clone()).or_default();
            let left = left.entry(point.name.clone()).or_insert_with(|| printed.by_hash());
            match left.get_mut(&hash(point.mark())).filter(|times| **times > 0) {
                Some(times) => *times -= 1,
                None => {
                    printed.add(point.mark());
                    new.push(point);
                }
            }
        }
        self.printed.values_mut().for_each(Printed::age);
        in_order(new)
    }
}

fn in_order(mut points: Vec<Point>) -> Vec<Point> {
    // Points of one metric stay in their order.
    points.sort_by(|a, b| (a.time_us, a.step, a.epoch, &a.name).cmp(&(b.time_us, b.step, b.epoch, &b.name)));
    points
}

#[cfg(test)]
mod tests {
    use super::super::lines::lines;
    use super::*;

    impl Seen {
        fn lines(&mut self, points: Vec<Point>) -> Vec<String> {
            lines(self.new_among(points))
        }

        fn lines_of_all(&mut self, points: Vec<Point>) -> Vec<String> {
            lines(self.new_among_all(points))
        }
    }

    fn point(step: i64, name: &str, value: f64) -> Point {
        Point { time_us: step, step, epoch: Some(step), name: name.into(), value }
    }

    fn counted(time_us: i64, step: i64, name: &str, value: f64) -> Point {
        Point { time_us, epoch: None, ..point(step, name, value) }
    }

    #[test]
    fn each_point_is_printed_once() {
        let mut seen = Seen::default();
        let first = seen.lines(vec![point(0, "loss", 1.0), point(0, "seconds", 0.25), point(1, "loss", 0.5)]);
        assert_eq!(first, ["epoch    0  loss 1.00000  seconds 0.250000", "epoch    1  loss 0.500000"]);
        let second = seen.lines(vec![point(1, "loss", 0.5), point(1, "seconds", 0.5), point(2, "loss", 0.25)]);
        assert_eq!(second, ["epoch    1  seconds 0.500000", "epoch    2  loss 0.250000"]);
        assert_eq!(seen.lines(vec![point(2, "loss", 0.25)]), Vec::<String>::new());
        assert_eq!((seen.printed_of("loss"), seen.printed_of("seconds"), seen.printed_of("none")), (3, 2, 0));
    }

    #[test]
    fn metrics_that_count_other_steps_lines_that_go_back_and_second_values_are_printed() {
        let mut seen = Seen::default();
        assert_eq!(seen.lines(vec![counted(1, 500, "batch_loss", 3.0)]), ["step   500  batch_loss 3.00000"]);
        let all = vec![
            counted(3, -2, "loss", 1.0),
            counted(4, 0, "loss", 2.0),
            counted(5, 0, "loss", 2.0),
            counted(5, 0, "loss", f64::NAN),
        ];
        let expected =
            ["step    -2  loss 1.00000", "step     0  loss 2.00000", "step     0  loss 2.00000", "step     0  loss NaN"];
        assert_eq!(seen.lines(all.clone()), expected);
        // As another process's segment puts them.
        let more = [&all[2..], &[counted(9, 0, "loss", 2.0)], &all[..2]].concat();
        assert_eq!(seen.lines(more), ["step     0  loss 2.00000"]);
    }

    #[test]
    fn what_was_printed_long_ago_is_not_read_again_and_what_comes_late_is_not_lost() {
        let minute = |minute: i64| counted(minute * 60_000_000, minute, "loss", 1.0);
        let mut seen = Seen::default();
        assert_eq!(seen.lines((0..100).map(minute).collect()).len(), 100);
        assert_eq!(seen.since_us("loss"), Some(99 * 60_000_000 - LATE_US));
        let printed = &seen.printed["loss"];
        assert_eq!((printed.recent.len(), printed.older.len()), (1, 99));
        // From another machine, whose clock is behind: it is not among those that are read.
        assert_eq!(seen.lines(vec![minute(99)]), Vec::<String>::new());
        assert_eq!(seen.printed_of("loss"), 100);
        let late = counted(30, 7, "loss", 2.0);
        let all: Vec<Point> = std::iter::once(late).chain((0..100).map(minute)).collect();
        assert_eq!(seen.lines_of_all(all.clone()), ["step     7  loss 2.00000"]);
        assert_eq!(seen.lines_of_all(all), Vec::<String>::new());
        assert_eq!(seen.printed_of("loss"), 101);
    }
}
