//! Published cells by name.

/// Names of published cells with their text form: `darts-v1` and `darts-v2` (Liu et al., ICLR 2019; first and second
/// order), `pc-darts` (Xu et al., ICLR 2020; CIFAR-10), `few-shot` (Zhao et al., ICML 2021; both sizes of the
/// released CIFAR-10 network).
pub const PUBLISHED: [(&str, &str); 4] = [
    (
        "darts-v1",
        "normal|sep_conv_3x3~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|+\
         |sep_conv_3x3~0|skip_connect~2|reduce|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~0|skip_connect~2|+\
         |max_pool_3x3~0|skip_connect~2|+|avg_pool_3x3~0|skip_connect~2|",
    ),
    (
        "darts-v2",
        "normal|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|+\
         |skip_connect~0|dil_conv_3x3~2|reduce|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~1|skip_connect~2|+\
         |max_pool_3x3~0|skip_connect~2|+|max_pool_3x3~1|skip_connect~2|",
    ),
    (
        "pc-darts",
        "normal|skip_connect~0|sep_conv_3x3~1|+|sep_conv_3x3~0|dil_conv_3x3~1|+|sep_conv_5x5~0|sep_conv_3x3~1|+\
         |avg_pool_3x3~0|dil_conv_3x3~1|reduce|max_pool_3x3~0|sep_conv_5x5~1|+|sep_conv_5x5~1|sep_conv_5x5~2|+\
         |sep_conv_3x3~0|sep_conv_3x3~3|+|sep_conv_3x3~1|sep_conv_3x3~2|",
    ),
    (
        "few-shot",
        "normal|skip_connect~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~2|+\
         |dil_conv_5x5~0|sep_conv_3x3~2|reduce|max_pool_3x3~0|sep_conv_3x3~1|+|max_pool_3x3~1|skip_connect~2|+\
         |max_pool_3x3~0|skip_connect~2|+|skip_connect~2|skip_connect~3|",
    ),
];

/// Names of published cells that are none of this space, and why.
pub(super) const OUTSIDE: [(&str, &str); 2] = [
    (
        "amoebanet",
        "AmoebaNet is not in this space: it has five nodes, 7x7 and 7x1 convolutions, and puts out only the nodes that \
         no other reads",
    ),
    (
        "nasnet",
        "NASNet is not in this space: it has five nodes, 7x7 convolutions, and a reduction cell that puts out only the \
         nodes that no other reads",
    ),
];
