//! The numbers of TFLite's operations (`BuiltinOperator` of schema.fbs, LiteRT) as far as Kindling writes and reads them.

pub const ADD: i32 = 0;
pub const AVERAGE_POOL_2D: i32 = 1;
pub const CONCATENATION: i32 = 2;
pub const CONV_2D: i32 = 3;
pub const DEPTHWISE_CONV_2D: i32 = 4;
pub const FULLY_CONNECTED: i32 = 9;
pub const LOGISTIC: i32 = 14;
pub const MAX_POOL_2D: i32 = 17;
pub const MUL: i32 = 18;
pub const RELU: i32 = 19;
pub const RESHAPE: i32 = 22;
pub const SOFTMAX: i32 = 25;
pub const TANH: i32 = 28;
pub const PAD: i32 = 34;
pub const TRANSPOSE: i32 = 39;
pub const MEAN: i32 = 40;
pub const SUB: i32 = 41;
pub const SPLIT: i32 = 49;
pub const CAST: i32 = 53;
pub const RSQRT: i32 = 76;
pub const REDUCE_MAX: i32 = 82;
pub const LEAKY_RELU: i32 = 98;
pub const SQUARED_DIFFERENCE: i32 = 99;
pub const BATCH_MATMUL: i32 = 126;
pub const GELU: i32 = 150;
