//! Networks of inverted bottlenecks (`ofa-mbv3`, `proxyless`), layer by layer as [`MbNet`] describes them.
//!
//! A supernet of `ofa-mbv3` holds one set of weights per slot, at the largest kernel and expansion of its region: narrower blocks use
//! the first channels of each layer, smaller kernels are the centre of the large one through a matrix (Cai et al., ICLR 2020,
//! section 3.2). One of `proxyless` holds every candidate of every layer by itself (Cai et al., ICLR 2019). A network alone has its
//! own layers and nothing else.
//!
//! Where `ofa-mbv3` has several resolutions, a network begins with resizing the images to its own.

mod block;
mod body;
mod layers;
mod sort;
