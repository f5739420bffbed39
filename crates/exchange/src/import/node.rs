//! A node's attributes and constants as the parameters of a layer.

use kindling_core::config::{Layer, Padding};
use kindling_core::network::shape::maps::padding_of;

use crate::onnx_messages::{Attribute, Node};
use crate::read::onnx::Constant;
use crate::trained::Tensor;
use crate::write::channels_last::turned;

/// Kindling's norms have this, as PyTorch's do.
pub const EPSILON: f32 = 1e-5;

/// A constant by its name.
pub type Constants<'c> = &'c dyn Fn(&str) -> Option<&'c Constant>;

/// A node with the constants that it may read. Errors complete a sentence that names it.
#[derive(Clone, Copy)]
pub struct Reading<'a, 'c> {
    pub node: &'a Node,
    pub constants: Constants<'c>,
}

type Tensors = Vec<(&'static str, Tensor)>;

impl<'a, 'c> Reading<'a, 'c> {
    fn attribute(&self, name: &str) -> Option<&'a Attribute> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).and_then(|attribute| attribute.f).unwrap_or(default)
    }

    pub fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.attribute(name).map(|attribute| attribute.s.as_slice())
    }

    fn is_given(&self, index: usize) -> bool {
        self.node.input.get(index).is_some_and(|name| !name.is_empty())
    }

    fn constant(&self, index: usize) -> Option<&'c Constant> {
        (self.constants)(self.node.input.get(index)?)
    }

    fn floats(&self, index: usize) -> Option<&'c Tensor> {
        match self.constant(index)? {
            Constant::Floats(tensor) => Some(tensor),
            Constant::Integers(_) => None,
        }
    }

    fn integers(&self, index: usize) -> Option<&'c [i64]> {
        match self.constant(index)? {
            Constant::Integers(values) => Some(values),
            Constant::Floats(_) => None,
        }
    }

    /// The constant among its inputs.
    pub fn any_floats(&self) -> Option<&'c Tensor> {
        (0..self.node.input.len()).find_map(|index| self.floats(index))
    }

    /// The number that it multiplies its input with.
    pub fn factor(&self) -> Option<f32> {
        let value = self.any_floats()?.values.first().copied()?;
        Some(if self.node.op_type == "Div" { 1.0 / value } else { value })
    }

    /// A limit of a clip: an input since opset 11, an attribute before.
    pub fn limit(&self, index: usize, name: &str) -> Option<f32> {
        let of_input = self.floats(index).and_then(|tensor| tensor.values.first().copied());
        of_input.or_else(|| self.attribute(name)?.f)
    }

    fn weight(&self) -> Result<&'c Tensor, String> {
        self.floats(1).ok_or_else(|| "its weight is no constant of floats".to_owned())
    }

    fn bias(&self) -> Result<Option<Tensor>, String> {
        match (self.is_given(2), self.floats(2)) {
            (false, _) => Ok(None),
            (true, Some(bias)) => Ok(Some(Tensor::new([bias.values.len()], bias.values.clone()))),
            (true, None) => Err("its bias is no constant of floats".to_owned()),
        }
    }

    /// The one number that a list repeats; `default` where the list is missing.
    fn same(&self, name: &str, default: u32) -> Result<u32, String> {
        let Some(attribute) = self.attribute(name) else { return Ok(default) };
        match attribute.ints[..] {
            [one, other] if one == other => u32::try_from(one).map_err(|_| format!("{name} is out of range")),
            _ => Err(format!("{name} is {:?} instead of one number twice", attribute.ints)),
        }
    }

    /// The padding of each side, which must be the same.
    fn padding(&self) -> Result<u64, String> {
        match self.text("auto_pad") {
            None | Some(b"NOTSET" | b"") => {}
            Some(b"VALID") => return Ok(0),
            Some(_) => return Err("its padding is automatic: give numbers".to_owned()),
        }
        let Some(pads) = self.attribute("pads") else { return Ok(0) };
        match pads.ints[..] {
            [top, left, bottom, right] if top == left && left == bottom && bottom == right => {
                u64::try_from(top).map_err(|_| "its padding is negative".to_owned())
            }
            _ => Err(format!("its padding is {:?} instead of the same on each side", pads.ints)),
        }
    }

    pub fn conv(&self) -> Result<(Layer, Tensors), String> {
        let weight = self.weight()?;
        let [filters, in_group, height, width] = weight.shape[..] else {
            return Err("its weight has not four axes".to_owned());
        };
        if height != width {
            return Err(format!("its kernel is {height} x {width}, not square"));
        }
        let number = |value: usize| u32::try_from(value).map_err(|_| "a number is out of range".to_owned());
        let (filters, kernel) = (number(filters)?, number(height)?);
        let (stride, dilation) = (self.same("strides", 1)?, self.same("dilations", 1)?);
        let found = self.padding()?;
        let padding = match found {
            0 => Padding::Valid,
            _ if found == padding_of(kernel, dilation, Padding::Same) => Padding::Same,
            _ => {
                let same = padding_of(kernel, dilation, Padding::Same);
                return Err(format!("its padding is {found} instead of 0 or {same}"));
            }
        };
        let groups = u32::try_from(self.int("group", 1)).map_err(|_| "its groups are out of range".to_owned())?;
        let bias = self.bias()?;
        let has_bias = bias.is_some();
        let layer = match groups == filters && in_group == 1 && groups > 1 {
            true => Layer::DepthwiseConv { kernel, stride, padding, dilation, bias: has_bias },
            false => Layer::Conv { filters, kernel, stride, padding, dilation, groups, bias: has_bias },
        };
        Ok((layer, with_bias(weight.clone(), bias)))
    }

    /// Its epsilon becomes part of the variance.
    pub fn batch_norm(&self) -> Result<Tensors, String> {
        if self.int("training_mode", 0) != 0 {
            return Err("it normalizes by the batch: export the network in evaluation mode".to_owned());
        }
        let more = self.float("epsilon", EPSILON) - EPSILON;
        let mut tensors = Vec::new();
        for (index, name) in (1..).zip(["weight", "bias", "running_mean", "running_var"]) {
            let tensor = self.floats(index).ok_or_else(|| format!("its {name} is no constant of floats"))?;
            let shift = if name == "running_var" { more } else { 0.0 };
            let values = tensor.values.iter().map(|value| value + shift).collect();
            tensors.push((name, Tensor::new([tensor.values.len()], values)));
        }
        Ok(tensors)
    }

    /// Size and stride.
    pub fn pool(&self) -> Result<(u32, u32), String> {
        if self.padding()? != 0 {
            return Err("pooling has no padding here".to_owned());
        }
        if self.int("ceil_mode", 0) != 0 || self.same("dilations", 1)? != 1 {
            return Err("pooling has neither dilation nor sizes that are rounded up here".to_owned());
        }
        Ok((self.same("kernel_shape", 0)?, self.same("strides", 1)?))
    }

    /// Whether the output keeps height and width, of one place.
    pub fn global_pool(&self) -> Result<bool, String> {
        if self.node.op_type.starts_with("Global") {
            return Ok(true);
        }
        let axes = match self.is_given(1) {
            true => self.integers(1).unwrap_or_default(),
            false => self.attribute("axes").map_or(&[][..], |axes| &axes.ints),
        };
        let is_axis = |axis: i64| axes.contains(&axis) || axes.contains(&(axis - 4));
        if axes.len() != 2 || !is_axis(2) || !is_axis(3) {
            return Err(format!("it reduces the axes {axes:?} instead of height and width"));
        }
        Ok(self.int("keepdims", 1) != 0)
    }

    /// Fails unless it makes one vector of each image.
    pub fn check_flattens(&self) -> Result<(), String> {
        if self.node.op_type == "Flatten" {
            let axis = self.int("axis", 1);
            return if axis == 1 { Ok(()) } else { Err(format!("it flattens from axis {axis} instead of 1")) };
        }
        match self.integers(1) {
            Some([_, _]) => Ok(()),
            Some(shape) => Err(format!("it makes the shape {shape:?} instead of one vector for each image")),
            None => {
                Err("its shape is computed: flatten with torch.flatten(x, 1), or export for a fixed batch".to_owned())
            }
        }
    }

    /// A matrix product with a constant, whose factors go into its weight.
    pub fn linear(&self) -> Result<(Layer, Tensors), String> {
        let is_gemm = self.node.op_type == "Gemm";
        let weight = self.weight()?;
        let [_, _] = weight.shape[..] else { return Err("its weight has not two axes".to_owned()) };
        if self.int("transA", 0) != 0 {
            return Err("it transposes its input".to_owned());
        }
        let mut weight = if is_gemm && self.int("transB", 0) != 0 { weight.clone() } else { turned(weight) };
        let mut bias = if is_gemm { self.bias()? } else { None };
        for (factor, tensor) in
            [(self.float("alpha", 1.0), Some(&mut weight)), (self.float("beta", 1.0), bias.as_mut())]
        {
            if let Some(tensor) = tensor.filter(|_| factor != 1.0) {
                tensor.values.iter_mut().for_each(|value| *value *= factor);
            }
        }
        let units = weight.shape.first().and_then(|&units| u32::try_from(units).ok()).unwrap_or_default();
        let layer = Layer::Linear { units, bias: bias.is_some() };
        Ok((layer, with_bias(weight, bias)))
    }
}

fn with_bias(weight: Tensor, bias: Option<Tensor>) -> Tensors {
    std::iter::once(("weight", weight)).chain(bias.map(|bias| ("bias", bias))).collect()
}
