//! The choice of a device for a program, and what EXPLAIN says of it.

use std::fmt;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
use datafusion::physical_plan::DisplayFormatType;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::Program;
use gradframe_plan::error::copy;
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

use super::work::Work;
use super::{Device, cuda};

type Found = std::result::Result<Arc<dyn Device>, &'static Error>;

/// Where a program runs, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placement {
    device: Option<Arc<dyn Device>>,
    /// Why it runs on the CPU, where that can be asked.
    reason: Option<String>,
    /// Whether another device was asked for, so that the reason is news.
    asked: bool,
    strict: bool,
}

impl Placement {
    /// By the settings of a plan's session; `rows` is asked for the number of rows, if that is known, where it matters.
    /// Errors: in strict mode `NoDevice` or `NotImplemented` for what cannot run on the device asked for.
    pub fn choose(config: &ConfigOptions, work: &Work, rows: impl FnOnce() -> Option<usize>) -> Result<Self> {
        let options = config.extensions.get::<GradframeOptions>().cloned().unwrap_or_default();
        Self::of(&options, work, rows, cuda::device)
    }

    /// As [`Placement::choose`]; `open` is called only if a device is wanted.
    fn of(
        options: &GradframeOptions,
        work: &Work,
        rows: impl FnOnce() -> Option<usize>,
        open: impl FnOnce() -> Found,
    ) -> Result<Self> {
        let asked = options.device == DeviceChoice::Cuda;
        let against = match options.device {
            DeviceChoice::Cpu => return Ok(Placement::default()),
            DeviceChoice::Cuda => work.cannot_leave(),
            DeviceChoice::Auto => work.cannot_leave().or_else(|| work.does_not_pay(rows)),
        };
        let found = match against {
            Some(reason) => Err(Error::not_implemented(OP, reason)),
            None => open().map_err(copy),
        };
        Self::found(found, asked, options.device_strict && asked)
    }

    fn found(found: Result<Arc<dyn Device>>, asked: bool, strict: bool) -> Result<Self> {
        match found {
            Ok(device) => Ok(Placement { device: Some(device), reason: None, asked, strict }),
            Err(error) if strict => Err(demanded(&error)),
            Err(error) => Ok(Placement { device: None, reason: Some(reason(&error)), asked, strict }),
        }
    }

    /// As [`Placement::choose`], for what leaves the CPU only when that is asked for, because its results are the same within
    /// rounding alone. Errors: those of `program` too.
    pub fn if_asked<'p>(config: &ConfigOptions, endless: bool, program: impl FnOnce() -> Result<&'p Program>) -> Result<Self> {
        let placement = Self::asked_for(config, &Work { endless, ..Work::default() })?;
        placement.taking(program)
    }

    /// The device, if one was asked for and is there. Errors: in strict mode `NoDevice` if none is.
    pub fn asked(config: &ConfigOptions) -> Result<Self> {
        Self::asked_for(config, &Work::default())
    }

    /// The device, for what a statement puts there by its words: it is looked for whatever the settings prefer, unless they say
    /// `cpu`. Errors: in strict mode `NoDevice` if there is none.
    pub fn demanded_by(config: &ConfigOptions) -> Result<Self> {
        let options = config.extensions.get::<GradframeOptions>().cloned().unwrap_or_default();
        let found = match options.device {
            DeviceChoice::Cpu => Err(Error::no_device(OP, "gradframe.device is cpu").hint("SET gradframe.device = 'auto'")),
            DeviceChoice::Auto | DeviceChoice::Cuda => cuda::device().map_err(copy),
        };
        Self::found(found, true, options.device_strict)
    }

    /// On the CPU after all, for this reason. Errors: in strict mode the reason itself.
    pub fn fallen_back(self, error: Error) -> Result<Self> {
        match self.strict {
            true => Err(demanded(&error)),
            false => Self::found(Err(error), self.asked, false),
        }
    }

    fn asked_for(config: &ConfigOptions, work: &Work) -> Result<Self> {
        let options = config.extensions.get::<GradframeOptions>().cloned().unwrap_or_default();
        match options.device {
            DeviceChoice::Cuda => Self::of(&options, work, || None, cuda::device),
            _ => Ok(Placement::default()),
        }
    }

    /// On the CPU after all if the device does not take the program.
    fn taking<'p>(self, program: impl FnOnce() -> Result<&'p Program>) -> Result<Self> {
        let Some(device) = &self.device else { return Ok(self) };
        match device.takes(program()?) {
            Ok(()) => Ok(self),
            Err(error) => Self::found(Err(error), self.asked, self.strict),
        }
    }

    /// The device that it runs on; None is the CPU.
    pub fn device(&self) -> Option<&Arc<dyn Device>> {
        self.device.as_ref()
    }

    /// Whether what the device cannot do is an error.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// `cuda:0`, or `cpu (reason)`. The reason is shown where a device was asked for, and in EXPLAIN VERBOSE: otherwise plans
    /// read the same on every machine.
    pub fn shown(&self, format: DisplayFormatType) -> Shown<'_> {
        let with_reason = self.asked || matches!(format, DisplayFormatType::Verbose);
        Shown { placement: self, with_reason }
    }

    /// Whether it is worth a word in plans of operators that seldom leave the CPU.
    pub fn is_news(&self) -> bool {
        self.asked || self.device.is_some()
    }

    /// On a device.
    pub fn on(device: Arc<dyn Device>, strict: bool) -> Self {
        Placement { device: Some(device), reason: None, asked: true, strict }
    }
}

/// See [`Placement::shown`].
pub(crate) struct Shown<'a> {
    placement: &'a Placement,
    with_reason: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (&self.placement.device, &self.placement.reason) {
            (Some(device), _) => f.write_str(device.name()),
            (None, Some(reason)) if self.with_reason => write!(f, "cpu ({reason})"),
            (None, _) => f.write_str("cpu"),
        }
    }
}

const OP: &str = "device";

/// An error as a reason.
fn reason(error: &Error) -> String {
    match error {
        Error::NoDevice(detail) => format!("no device: {}", detail.what),
        other => other.detail().what.clone(),
    }
}

/// The error of who demanded the device.
fn demanded(error: &Error) -> Error {
    const SQL: &str = "SET gradframe.device_strict = false computes on the CPU what cannot run there";
    let doctor = "`gradframe doctor` says what is missing";
    let hint = match (error, &error.detail().hint) {
        (Error::NoDevice(_), Some(hint)) => format!("{hint}; {doctor}; {SQL}"),
        (Error::NoDevice(_), None) => format!("{doctor}; {SQL}"),
        _ => SQL.to_owned(),
    };
    copy(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::super::Simulated;
    use super::*;

    const MANY: Work = Work { operations: 1_000, bytes: 24, threads: 2, endless: false, inexact: None };

    fn none() -> Found {
        let error = Error::no_device("cuda", "libcuda was not found").hint("it comes with NVIDIA's driver");
        Err(Box::leak(Box::new(error)))
    }

    fn some() -> Found {
        Ok(Arc::new(Simulated::default()))
    }

    fn never() -> Found {
        panic!("a device was looked for")
    }

    fn placed(device: DeviceChoice, work: &Work, rows: Option<usize>, open: fn() -> Found) -> Placement {
        let options = GradframeOptions { device, ..GradframeOptions::default() };
        Placement::of(&options, work, || rows, open).unwrap()
    }

    fn refused(work: &Work, open: fn() -> Found) -> Error {
        let options = GradframeOptions { device: DeviceChoice::Cuda, device_strict: true, ..GradframeOptions::default() };
        Placement::of(&options, work, || None, open).unwrap_err()
    }

    fn verbose(placement: &Placement) -> String {
        placement.shown(DisplayFormatType::Verbose).to_string()
    }

    fn plain(placement: &Placement) -> String {
        placement.shown(DisplayFormatType::Default).to_string()
    }

    #[test]
    fn no_device_is_looked_for_unless_it_is_asked_for_or_may_pay() {
        let auto = |work: &Work, rows| placed(DeviceChoice::Auto, work, rows, never);
        let few = auto(&Work { operations: 12, ..MANY }, Some(100_000_000));
        assert_eq!(
            (plain(&few).as_str(), verbose(&few).as_str()),
            ("cpu", "cpu (12 operations a row do not pay for 24 bytes over the bus)")
        );
        assert_eq!(verbose(&auto(&MANY, None)), "cpu (how many rows there are is not known)");
        assert_eq!(verbose(&auto(&MANY, Some(1_000))), "cpu (1000 rows do not pay for opening a device)");
        assert_eq!(verbose(&placed(DeviceChoice::Cpu, &MANY, Some(100_000_000), never)), "cpu");
    }

    #[test]
    fn what_pays_goes_to_a_device_if_there_is_one() {
        let auto = |open| placed(DeviceChoice::Auto, &MANY, Some(100_000_000), open);
        assert_eq!(plain(&auto(some)), "simulated:0");
        assert_eq!((plain(&auto(none)), verbose(&auto(none))), ("cpu".into(), "cpu (no device: libcuda was not found)".into()));
    }

    #[test]
    fn a_device_that_was_asked_for_is_missed() {
        let cuda = placed(DeviceChoice::Cuda, &Work::default(), None, none);
        assert_eq!(plain(&cuda), "cpu (no device: libcuda was not found)");
        let error = refused(&Work::default(), none);
        assert_eq!(error.kind(), "NoDevice");
        assert!(error.to_string().contains("it comes with NVIDIA's driver; `gradframe doctor`"), "{error}");
    }

    #[test]
    fn what_would_have_other_bits_stays() {
        let sine = Work { inexact: Some("sin".into()), ..MANY };
        assert_eq!(plain(&placed(DeviceChoice::Cuda, &sine, None, never)), "cpu (`sin` has other bits on a device)");
        assert_eq!(refused(&sine, never).kind(), "NotImplemented");
        let endless = Work { endless: true, ..MANY };
        assert_eq!(
            plain(&placed(DeviceChoice::Cuda, &endless, None, never)),
            "cpu (rows that never end are computed as they come)"
        );
    }
}
