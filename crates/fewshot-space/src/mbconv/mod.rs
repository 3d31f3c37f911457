//! Spaces of inverted bottlenecks (MBConv): `ofa-mbv3` and `proxyless`.
//!
//! [`MbNet`] describes one of their networks layer by layer. It is the only description: costs and graphs are computed from it,
//! and whoever builds such a network builds what it says.

mod frame;
mod layers;
mod layout;
pub mod ofa;
mod ofa_places;
mod ofa_skeleton;
mod ofa_text;
pub mod proxyless;
mod proxyless_text;

pub use crate::encoding::one_hot;
pub use frame::div8;
pub use layers::{ConvShape, LinearShape, MbBlock, MbNet, Nonlinearity, Slot};
pub use layout::MbScale;
pub use ofa::{OfaMbv3Space, OfaSplit};
pub use ofa_skeleton::OfaMbv3Skeleton;
pub use proxyless::{ProxylessOp, ProxylessSkeleton, ProxylessSpace};
