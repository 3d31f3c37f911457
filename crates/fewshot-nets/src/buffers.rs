//! Named values that a network keeps and no gradient moves, such as the vectors that a spectral norm improves from step to step.
//! Statistics of batch norms are not among them ([`RunningStats`](crate::RunningStats)).

use burn::tensor::Tensor;

/// Index of a buffer in [`Weights`](crate::Weights).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(pub(crate) usize);

/// Values that are saved, restored and transferred with the parameters, and not trained.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// Unique dotted name, e.g. `blocks.0.conv.left`. No parameter has it.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// The values, `[product of shape]`, outside any graph.
    pub value: Tensor<1>,
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::BufferId;
    use crate::pass::{NormMode, Pass};
    use crate::values::{Init, WeightsError, tensor, to_vec};
    use crate::weights::Weights;

    fn weights(seed: u64, columns: usize) -> (Weights, BufferId) {
        let mut weights = Weights::new(Device::flex(), seed);
        weights.add_param("conv.weight".to_string(), &[2, columns], Init::Uniform { fan_in: 2 });
        let id = weights.add_buffer("conv.left".to_string(), &[2, columns], Init::Normal { deviation: 1.0 });
        (weights, id)
    }

    #[test]
    fn a_buffer_is_counted_apart_and_saved_and_restored() {
        let (first, id) = weights(1, 3);
        assert_eq!((first.count(), first.buffer_count()), (6, 6));
        assert_eq!((first.params().len(), first.leaves().len(), first.buffers().len()), (1, 1, 1));
        let values = first.to_values().unwrap();
        assert_eq!(values["conv.left"].shape(), [2, 3]);
        let (mut second, _) = weights(2, 3);
        assert_ne!(to_vec(&second.buffer(id)), to_vec(&first.buffer(id)));
        second.load_values(&values).unwrap();
        assert_eq!(to_vec(&second.buffer(id)), to_vec(&first.buffer(id)));
        let mut without = values;
        without.remove("conv.left");
        assert!(matches!(second.load_values(&without), Err(WeightsError::Missing(name)) if name == "conv.left"));
    }

    #[test]
    fn a_narrow_network_takes_the_first_values_of_a_wide_one() {
        let ((wide, id), (mut narrow, _)) = (weights(1, 3), weights(2, 2));
        let transfer = narrow.transfer_from(&wide).unwrap();
        assert_eq!((transfer.copied, transfer.fresh.len()), (2, 0));
        let all = to_vec(&wide.buffer(id));
        assert_eq!(to_vec(&narrow.buffer(id)), [all[0], all[1], all[3], all[4]]);
        let (mut wide, _) = weights(3, 4);
        assert!(matches!(wide.transfer_from(&narrow), Err(WeightsError::Size { .. })));
        let mut other = Weights::new(Device::flex(), 0);
        other.add_buffer("elsewhere".to_string(), &[1], Init::Constant(0.0));
        assert_eq!(other.transfer_from(&narrow).unwrap().fresh, ["elsewhere"]);
    }

    #[test]
    fn a_pass_keeps_what_it_makes_of_a_buffer_in_training_alone() {
        let (mut weights, id) = weights(1, 1);
        let new = || tensor(vec![3.0, 4.0], &Device::flex());
        let before = to_vec(&weights.buffer(id));
        for mode in [NormMode::Batch, NormMode::Running, NormMode::Collect, NormMode::Calibrated] {
            Pass::score(&mut weights, mode, None).keep_buffer(id, new());
            assert_eq!(to_vec(&weights.buffer(id)), before, "{mode:?}");
        }
        let mut pass = Pass::train(&mut weights);
        pass.keep_buffer(id, new());
        assert_eq!(to_vec(&pass.buffer(id)), [3.0, 4.0]);
    }
}
