//! Parameters that a GPU updates together: half a dozen are packed into one tensor, so that they take two kernels, one that packs their
//! gradients and one that updates them.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Shape, Tensor};

use super::{Optimizer, Rates};
use crate::device::layout::Layout;
use crate::maps::{self, PACK, Part, Primitive};
use crate::module::Network;
use crate::training::gradients::NetworkGradients;

/// Parameters whose values follow each other in memory.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    /// By which its moments are found.
    id: ParamId,
    parts: Vec<(ParamId, Part)>,
    /// As of the last update.
    values: Tensor<1>,
}

impl Optimizer {
    /// Updates every parameter that has a gradient: in every update the same ones.
    pub(super) fn update_packs(&mut self, network: Network, mut gradients: NetworkGradients, rates: Rates) -> Network {
        let mut gather = Gather { layout: self.layout, gradients: &mut gradients, learned: Vec::new() };
        network.visit(&mut gather);
        // Parameters of one pack have one learning rate.
        let (slow, fast): (Vec<_>, Vec<_>) =
            gather.learned.into_iter().partition(|learned| self.pretrained.contains(&learned.id));
        let learned: Vec<&[Learned]> = slow.chunks(PACK).chain(fast.chunks(PACK)).collect();
        if self.packs.is_empty() {
            self.packs = learned.iter().map(|learned| self.pack(learned)).collect();
        }
        let mut packs = std::mem::take(&mut self.packs);
        for (pack, learned) in packs.iter_mut().zip(learned) {
            let rates = learned.first().map_or(rates, |learned| self.rates_of(learned.id, rates));
            let sums: Vec<Primitive> = learned.iter().map(|learned| learned.gradient.clone()).collect();
            let gradient = gradients.scaled(maps::pack(&sums));
            pack.values = self.moved(pack.id, pack.values.clone(), gradient, rates);
        }
        let network = network.map(&mut Unpack { layout: self.layout, packs: &packs });
        self.packs = packs;
        network
    }

    fn pack(&mut self, learned: &[Learned]) -> Pack {
        let id = ParamId::new();
        let (parts, _) = maps::parts(learned.iter().map(|learned| learned.shape.clone()));
        let parts: Vec<_> = learned.iter().map(|learned| learned.id).zip(parts).collect();
        for moments in [&mut self.first, &mut self.second, &mut self.third] {
            moments.pack(id, &parts);
        }
        let values: Vec<Primitive> = learned.iter().map(|learned| learned.value.clone()).collect();
        Pack { id, parts, values: maps::pack(&values) }
    }
}

/// A parameter and its summed gradient, both in memory order.
struct Learned {
    id: ParamId,
    shape: Shape,
    value: Primitive,
    gradient: Primitive,
}

struct Gather<'a> {
    layout: Layout,
    gradients: &'a mut NetworkGradients,
    learned: Vec<Learned>,
}

impl ModuleVisitor for Gather<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.take_sum::<D>(parameter.id) else { return };
        let value = self.layout.in_memory_order(parameter.val().without_autodiff());
        self.learned.push(Learned {
            id: parameter.id,
            shape: value.shape(),
            value: value.into_dispatch(),
            gradient: self.layout.in_memory_order(gradient).into_dispatch(),
        });
    }
}

struct Unpack<'a> {
    layout: Layout,
    packs: &'a [Pack],
}

impl ModuleMapper for Unpack<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        let parts = self.packs.iter().flat_map(|pack| pack.parts.iter().map(move |part| (pack, part)));
        let value = match parts.into_iter().find(|(_, (part_id, _))| *part_id == id) {
            Some((pack, (_, part))) => {
                let values = maps::part(pack.values.clone(), part.clone());
                self.layout.in_parameter_order(values).autodiff().require_grad()
            }
            None => value,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}
