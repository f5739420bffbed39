//! Compares attacks with PyTorch's values, on the images and weights of lenet.safetensors.

use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::config::LossConfig;
use kindling_core::network::presets::lenet_network;
use kindling_train::objective::adversarial::{Attack, PgdSteps};
use kindling_train::objective::loss::Loss;

use crate::{Golden, LENET_INPUT, TOLERANCE, thinned, values};

const EPSILON: f64 = 0.1;
const STEP_SIZE: f64 = 0.04;

#[test]
fn attacks_take_pytorchs_steps() {
    use burn::module::Module;

    let lenet = Golden::open(include_bytes!("lenet.safetensors"));
    let golden = Golden::open(include_bytes!("adversarial.safetensors"));
    let network = lenet.network(&lenet_network(), LENET_INPUT, 10).valid();
    let batch = lenet.batch("images", "labels", LENET_INPUT, 10);
    let clean = batch.images.clone();
    let loss = Loss::new(&LossConfig::default(), &[1; 10], &Device::flex()).unwrap();

    let attacked = clean.clone().autodiff().require_grad();
    let (_, gradients) = loss.backward(network.forward(attacked.clone()), batch.targets.clone());
    golden.check("gradient", &thinned(values(attacked.grad(&gradients).unwrap())), TOLERANCE);

    let attack = Attack { network: &network, loss: &loss, epsilon: EPSILON };
    golden.check("fgsm", &thinned(values(attack.fgsm(clean.clone(), batch.targets.clone()))), TOLERANCE);

    let offsets = TensorData::new(golden.floats("offsets"), clean.dims());
    let start = (clean.clone() + Tensor::<4>::from_data(offsets, &Device::flex())).clamp(-1.0, 1.0);
    for n_steps in [1, 5] {
        let steps = PgdSteps { n_steps, step_size: STEP_SIZE };
        let attacked = attack.pgd(clean.clone(), start.clone(), batch.targets.clone(), steps);
        golden.check(&format!("pgd{n_steps}"), &thinned(values(attacked)), TOLERANCE);
    }
}
