//! The list of operations.

use super::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Depthwise, DropPath, GlobalAvgPool, GlobalSumPool, Input,
    InstanceNorm, Linear, MaxPool, Normalise, Operation, PadChannels, Resize, ScaleChannels, Shuffle, Slice, Subsample,
    ToMap, TransposedConv, Upsample, Weigh, Zeros,
};

/// An operation of a [`Graph`](crate::Graph).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described where it is defined")]
pub enum Op {
    Input(Input),
    Normalise(Normalise),
    Zeros(Zeros),
    Conv(Conv),
    Depthwise(Depthwise),
    BatchNorm(BatchNorm),
    Activation(Activation),
    Add(Add),
    AvgPool(AvgPool),
    MaxPool(MaxPool),
    PadChannels(PadChannels),
    Resize(Resize),
    Concat(Concat),
    Slice(Slice),
    Shuffle(Shuffle),
    Weigh(Weigh),
    ScaleChannels(ScaleChannels),
    DropPath(DropPath),
    Subsample(Subsample),
    GlobalAvgPool(GlobalAvgPool),
    Linear(Linear),
    InstanceNorm(InstanceNorm),
    TransposedConv(TransposedConv),
    Upsample(Upsample),
    GlobalSumPool(GlobalSumPool),
    ToMap(ToMap),
}

/// The one list of operations: what `$body` does with each.
macro_rules! each {
    ($op:expr, $inner:ident => $body:expr) => {
        match $op {
            Op::Input($inner) => $body,
            Op::Normalise($inner) => $body,
            Op::Zeros($inner) => $body,
            Op::Conv($inner) => $body,
            Op::Depthwise($inner) => $body,
            Op::BatchNorm($inner) => $body,
            Op::Activation($inner) => $body,
            Op::Add($inner) => $body,
            Op::AvgPool($inner) => $body,
            Op::MaxPool($inner) => $body,
            Op::PadChannels($inner) => $body,
            Op::Resize($inner) => $body,
            Op::Concat($inner) => $body,
            Op::Slice($inner) => $body,
            Op::Shuffle($inner) => $body,
            Op::Weigh($inner) => $body,
            Op::ScaleChannels($inner) => $body,
            Op::DropPath($inner) => $body,
            Op::Subsample($inner) => $body,
            Op::GlobalAvgPool($inner) => $body,
            Op::Linear($inner) => $body,
            Op::InstanceNorm($inner) => $body,
            Op::TransposedConv($inner) => $body,
            Op::Upsample($inner) => $body,
            Op::GlobalSumPool($inner) => $body,
            Op::ToMap($inner) => $body,
        }
    };
}

impl std::ops::Deref for Op {
    type Target = dyn Operation;

    fn deref(&self) -> &Self::Target {
        each!(self, op => op)
    }
}

impl std::ops::DerefMut for Op {
    fn deref_mut(&mut self) -> &mut Self::Target {
        each!(self, op => op)
    }
}

/// Lets [`GraphBuilder::push`](crate::GraphBuilder::push) take the operation itself.
macro_rules! into_op {
    ($($name:ident),*) => { $(
        impl From<$name> for Op {
            fn from(op: $name) -> Op {
                Op::$name(op)
            }
        }
    )* };
}

into_op!(
    Input,
    Normalise,
    Zeros,
    Conv,
    Depthwise,
    BatchNorm,
    Activation,
    Add,
    AvgPool,
    MaxPool,
    PadChannels,
    Resize,
    Concat,
    Slice,
    Shuffle,
    Weigh,
    ScaleChannels,
    DropPath,
    Subsample,
    GlobalAvgPool,
    Linear,
    InstanceNorm,
    TransposedConv,
    Upsample,
    GlobalSumPool,
    ToMap
);
