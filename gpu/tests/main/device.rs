//! On a machine with a GPU: every program of the tests computes on it what the interpreter does. Elsewhere: a missing
//! library or device is an error that says so.

use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;

use crate::cases::{Which, cases};
use crate::host::difference;

#[test]
fn programs_on_a_device_compute_what_the_interpreter_does() {
    let device = match Device::open(0) {
        Ok(device) => device,
        Err(missing) => {
            assert_eq!(missing.kind(), "NoDevice", "{missing}");
            println!("skipped: {missing}");
            return;
        }
    };
    let (mut compared, mut failures) = (0, Vec::new());
    for (case, _) in &cases(Which::All).cases {
        let loaded = device.load(&case.program, if compared % 2 == 0 { Width::Narrow } else { Width::Wide }).unwrap();
        let (ours, again) = (loaded.run(&case.inputs).unwrap(), loaded.run(&case.inputs).unwrap());
        assert_eq!(ours, again, "two runs differ in\n{}", case.program);
        let expected = case.program.interpret(&case.inputs).unwrap();
        let differences = ours.iter().zip(&expected).filter_map(|(ours, theirs)| difference(ours, theirs));
        failures.extend(differences.map(|difference| format!("{difference}\n{}", case.program)));
        compared += 1;
    }
    println!("{}: {compared} runs", device.name().unwrap());
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures[..failures.len().min(5)].join("\n"));
}
