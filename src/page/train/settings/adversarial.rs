//! Adversarial training: images are perturbed to maximize the loss, and the network is trained on them with their true labels.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Number, NumberSettings, found};
use crate::page::text::i18n::{key_tr, tr};
use crate::page::widgets::hint::Why;
use kindling_core::config::fields::field_at;
use kindling_core::config::{AdversarialConfig, AttackMethod, RunConfig};

pub(super) const OF_ATTACKS: &[Number] = &[
    Number {
        id: "field-attack-strength",
        field: field_at("adversarial.strength"),
        why: || tr!(expert.attack_strength_why),
        value: found!(adversarial, Some(AdversarialConfig { strength, .. }) => strength),
    },
    Number {
        id: "field-attack-share",
        field: field_at("adversarial.share"),
        why: || tr!(expert.attack_share_why),
        value: found!(adversarial, Some(AdversarialConfig { share, .. }) => share),
    },
    Number {
        id: "field-attack-steps",
        field: field_at("adversarial.method.steps"),
        why: || tr!(expert.attack_steps_why),
        value: found!(
            adversarial,
            Some(AdversarialConfig { method: AttackMethod::Pgd { steps, .. }, .. }) => steps
        ),
    },
    Number {
        id: "field-attack-step-size",
        field: field_at("adversarial.method.stepSize"),
        why: || tr!(expert.attack_step_size_why),
        value: found!(
            adversarial,
            Some(AdversarialConfig { method: AttackMethod::Pgd { step_size, .. }, .. }) => step_size
        ),
    },
];

#[component]
pub fn AdversarialGroup() -> impl IntoView {
    view! {
        <Why text=key_tr!(expert.adversarial_why) />
        <KindField
            id="field-attack"
            label=|| tr!(expert.attack)
            get=|config| config.adversarial.map(|adversarial| adversarial.method)
            set=attack
        />
        <NumberSettings numbers=OF_ATTACKS />
    }
}

/// Sets the attack method; epsilon and the adversarial fraction stay as they are.
fn attack(config: &mut RunConfig, method: Option<AttackMethod>) {
    let current = config.adversarial.unwrap_or_default();
    config.adversarial = method.map(|method| AdversarialConfig { method, ..current });
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    #[test]
    fn another_method_keeps_strength_and_fraction() {
        let network = NetworkConfig::new("Empty", vec![]);
        let mut config = RunConfig::new("mnist", network);
        let read = |config: &RunConfig| OF_ATTACKS.iter().map(|number| (number.value.read)(config)).collect::<Vec<_>>();
        assert_eq!(read(&config), [None; 4]);
        attack(&mut config, Some(AttackMethod::Fgsm));
        (OF_ATTACKS[0].value.write)(&mut config, 0.3);
        assert_eq!(read(&config), [Some(0.3), Some(0.5), None, None]);
        attack(&mut config, Some(AttackMethod::PGD));
        assert_eq!(read(&config), [Some(0.3), Some(0.5), Some(7.0), Some(0.025)]);
        attack(&mut config, None);
        assert_eq!(config.adversarial, None);
    }
}
