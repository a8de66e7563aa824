use gradframe_ml_array::Array;
use std::time::Instant;
fn main() {
    let x = Array::from_vec(&[100], (0..100).map(|i| i as f32).collect::<Vec<f32>>()).unwrap();
    let y = Array::from_vec(&[100], vec![1f32; 100]).unwrap();
    for _ in 0..8 {
        let n = 400_000;
        let start = Instant::now();
        for _ in 0..n {
            let z = x.add(&y).unwrap();
            std::hint::black_box(z.tensor().unwrap());
        }
        let whole = start.elapsed().as_secs_f64() * 1e6 / n as f64;
        let start = Instant::now();
        for _ in 0..n {
            std::hint::black_box(x.add(&y).unwrap());
        }
        println!("looked at {whole:.2} us, of which recording {:.2}", start.elapsed().as_secs_f64() * 1e6 / n as f64);
    }
}
