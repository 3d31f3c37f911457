//! Exported networks against the network itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use fewshot_space::{Arch, Region, random};
use prost::Message;

use super::onnx;
use crate::families;
use crate::model::Model;
use crate::model::fixture::{images, model, space};
use crate::nets::write::WriteError;
use crate::nets::write::proto::ModelProto;
use crate::nets::{Fusion, Net, NetError, Op};

/// Pixels from 0 to 1, channels before rows.
fn channels_first(model: &Model, images: &[Vec<u8>]) -> Vec<f32> {
    let channels = model.shape().channels;
    let planes = |image: &Vec<u8>| -> Vec<f32> {
        let plane = |channel: usize| image.iter().skip(channel).step_by(channels).map(|&byte| f32::from(byte) / 255.0);
        (0..channels).flat_map(plane).collect()
    };
    images.iter().flat_map(planes).collect()
}

/// Runs the ONNX files of a folder in tract; see `tools/run-onnx`, which cargo builds if it has to.
fn run_in_tract(folder: &Path) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/run-onnx/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
    // Beside what is built of the workspace, wherever that is.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("run-onnx");
    let output = cargo.arg("--target-dir").arg(target).arg("--").arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

#[test]
fn every_space_agrees_with_its_onnx_form_in_another_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = BTreeMap::new();
    for name in families::classifiers() {
        // Even and odd sides, grey and coloured, not square.
        for image in [[8, 8, 3], [7, 7, 1], [10, 6, 3]] {
            // The costs of that space are those of square images.
            let image = if name == "ofa-mbv3" { [image[0], image[0], image[2]] } else { image };
            let space = space(name, image);
            let whole = Region::full(space.blueprint().clone());
            let drawn = (0..8).map(|draw| whole.sample(&mut random::stream(5, "exported", draw, 0)).unwrap());
            // The first of all has no operation at all.
            let first = Arch::new(vec![0; space.blueprint().decisions().len()]);
            for (seed, arch) in drawn.chain([space.blueprint().canonical(&first)]).enumerate() {
                let mut model = model(&space, &arch, seed as u64);
                let images = images(&model, 3);
                let logits = model.logits(&images).unwrap().concat();
                assert!(logits.iter().all(|logit| logit.is_finite()));
                let input = channels_first(&model, &images).into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
                for fold_norms in [true, false] {
                    let case = format!("case-{}", wanted.len());
                    let path = dir.path().join(&case);
                    std::fs::write(path.with_extension("in"), &input).unwrap();
                    std::fs::write(path.with_extension("onnx"), onnx::bytes(&model, fold_norms).unwrap()).unwrap();
                    let text = format!("{} {image:?}, norms folded: {fold_norms}", space.blueprint().format(&arch));
                    wanted.insert(case, (text, logits.clone()));
                }
            }
        }
    }
    run_in_tract(dir.path());
    for (case, (text, logits)) in wanted {
        for outputs in ["batch.out", "single.out"] {
            let found = floats(&dir.path().join(&case).with_extension(outputs));
            assert_eq!(found.len(), 2 * logits.len(), "{text}");
            let (found, probabilities) = found.split_at(logits.len());
            let worst = found.iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{text}, {outputs}: {worst}");
            for (logits, probabilities) in logits.chunks(3).zip(probabilities.chunks(3)) {
                let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
                let far =
                    logits.iter().zip(probabilities).any(|(logit, found)| (logit.exp() / sum - found).abs() > 1e-4);
                assert!(!far, "{text}: {logits:?} {probabilities:?}");
            }
        }
    }
}

#[test]
fn generators_agree_with_their_onnx_form_in_another_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = BTreeMap::new();
    for image in [[16, 16, 3], [8, 8, 1]] {
        let space = space("autogan", image);
        let whole = Region::full(space.blueprint().clone());
        let drawn = (0..10).map(|draw| whole.sample(&mut random::stream(5, "exported", draw, 0)).unwrap());
        let all = space.blueprint().parse("0 1 2 1 | 1 2 0 1 1 | 0 0 2 1 3").unwrap();
        for (seed, arch) in drawn.chain([all]).enumerate() {
            let mut model = model(&space, &arch, seed as u64);
            let rows: Vec<f32> = (0..3 * model.latent().unwrap()).map(|place| (place as f32 * 0.7).sin()).collect();
            let input: Vec<u8> = rows.iter().copied().flat_map(f32::to_le_bytes).collect();
            let latent = crate::nets::tensor(rows, model.device()).reshape([3, model.latent().unwrap()]);
            let made = model.paint(latent).unwrap().permute([0, 3, 1, 2]).add_scalar(1.0).div_scalar(2.0);
            let made = crate::nets::to_vec(&made);
            for fold_norms in [true, false] {
                let case = format!("case-{}", wanted.len());
                let path = dir.path().join(&case);
                std::fs::write(path.with_extension("in"), &input).unwrap();
                std::fs::write(path.with_extension("onnx"), onnx::bytes(&model, fold_norms).unwrap()).unwrap();
                wanted.insert(case, (space.blueprint().format(&arch), made.clone()));
            }
        }
    }
    run_in_tract(dir.path());
    for (case, (text, made)) in wanted {
        for outputs in ["batch.out", "single.out"] {
            let found = floats(&dir.path().join(&case).with_extension(outputs));
            assert_eq!(found.len(), made.len(), "{text}");
            let worst = found.iter().zip(&made).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{text}, {outputs}: {worst}");
        }
    }
}

#[test]
fn a_generator_answers_to_what_it_can_and_says_what_it_cannot() {
    let space = space("autogan", [16, 16, 3]);
    let arch = space.blueprint().parse("1 0 1 1 | 1 0 0 1 1 | 1 0 1 0 3").unwrap();
    let mut model = model(&space, &arch, 1);
    let some = model.generate(7, 3, 2).unwrap();
    assert_eq!((some.len(), some[0].len()), (2, 16 * 16 * 3));
    assert_eq!(model.generate(7, 0, 5).unwrap()[3..], some[..]);
    assert_ne!(model.generate(8, 3, 1).unwrap()[0], some[0]);
    let error = model.logits(&[vec![0; 768]]).unwrap_err().to_string();
    assert!(error.contains("fewshot generate"), "{error}");
    let code = super::pytorch::code(&model).unwrap();
    for line in ["LATENT = 128", "    def forward(self, latent):", "        x1 = self.linear(latent)"] {
        assert_eq!(code.matches(&format!("{line}\n")).count(), 1, "{line}\n{code}");
    }
    let mut classifier = crate::model::fixture::model(
        &crate::model::fixture::space("nasbench201", [8, 8, 3]),
        &Arch::new(vec![3; 6]),
        1,
    );
    assert!(classifier.generate(0, 0, 1).unwrap_err().to_string().contains("fewshot predict"));
}

#[test]
fn norms_behind_convolutions_are_folded_and_the_others_stay() {
    let space = space("nasbench201", [8, 8, 3]);
    let arch = space
        .blueprint()
        .parse("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|skip_connect~2|")
        .unwrap();
    let model = model(&space, &arch, 1);
    let norms =
        |graph: &crate::nets::Graph| graph.nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm(_))).count();
    let graph = model.graph().unwrap();
    // Stem, two in each of three cells, two in each of two reductions, head.
    assert_eq!(norms(&graph), 1 + 6 + 4 + 1);
    let folded = graph.clone().fused(Fusion::Weights);
    assert_eq!(norms(&folded), 1);
    assert_eq!(folded.nodes.len(), graph.nodes.len() - 11);
    let onnx = ModelProto::decode(&onnx::bytes(&model, true).unwrap()[..]).unwrap();
    assert!(onnx.graph.unwrap().initializer.iter().any(|tensor| tensor.name == "stem.bias"));
}

#[test]
fn a_supernet_is_not_exported() {
    let space = space("nasbench201", [8, 8, 3]);
    let net = Net::supernet(space.blueprint().clone(), Region::full(space.blueprint().clone()), &Device::flex(), 0);
    let arch = Arch::new(vec![3; 6]);
    let normalise = fewshot_data::Normalise { mean: vec![0.5; 3], std: vec![0.5; 3] };
    let error = net.graph(&arch, [8, 8, 3], &normalise).unwrap_err();
    assert!(matches!(error, NetError::Write(WriteError::BatchStatistics)), "{error}");
}

#[test]
fn an_onnx_file_says_what_the_model_says() {
    let space = space("cell1296", [8, 8, 1]);
    let model = model(&space, &Arch::new(vec![2, 3, 4, 5]), 1);
    let onnx = ModelProto::decode(&onnx::bytes(&model, true).unwrap()[..]).unwrap();
    let of = |key: &str| {
        let entry = onnx.metadata_props.iter().find(|entry| entry.key == key);
        entry.unwrap_or_else(|| panic!("{key}")).value.clone()
    };
    let card = model.card();
    assert_eq!(serde_json::from_str::<Vec<String>>(&of("classes")).unwrap(), card.classes);
    assert_eq!(serde_json::from_str::<Vec<f32>>(&of("mean")).unwrap(), card.normalise.mean);
    assert_eq!(serde_json::from_str::<Vec<f32>>(&of("std")).unwrap(), card.normalise.std);
    assert_eq!((of("arch"), of("space")), (card.arch.clone(), card.space.clone()));
    assert_eq!((of("test_accuracy"), of("resize")), ("0.5".to_string(), "centre-crop-lanczos3".to_string()));
    let graph = onnx.graph.unwrap();
    let dims = |info: &crate::nets::write::proto::ValueInfoProto| {
        let shape = info.r#type.clone().unwrap().tensor_type.unwrap().shape.unwrap();
        shape
            .dim
            .into_iter()
            .map(|dim| dim.dim_param.unwrap_or_else(|| dim.dim_value.unwrap().to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(dims(&graph.input[0]), ["N", "1", "8", "8"]);
    assert_eq!(graph.output.iter().map(dims).collect::<Vec<_>>(), [["N", "3"], ["N", "3"]]);
}

/// But for operations that the output does not depend on, which the space counts and a graph does not hold.
#[test]
fn a_graph_costs_what_its_space_says() {
    for name in families::classifiers() {
        let space = space(name, [16, 16, 3]);
        let whole = Region::full(space.blueprint().clone());
        let mut equal = 0;
        for draw in 0..40 {
            let arch = whole.sample(&mut random::stream(8, "costs", draw, 0)).unwrap();
            let (live, all) = (model(&space, &arch, draw).graph().unwrap().cost(), space.blueprint().cost(&arch));
            assert!(live.macs <= all.macs && live.params <= all.params, "{name}: {}", space.blueprint().format(&arch));
            equal += usize::from(live == all);
        }
        assert!(equal >= 10, "{name}: {equal} of 40");
        assert!(equal == 40 || name != "stages", "nothing is dead there: {equal} of 40");
    }
}

#[test]
fn an_onnx_file_says_what_other_runtimes_ask_for() {
    for name in families::classifiers() {
        let space = space(name, [8, 8, 3]);
        let whole = Region::full(space.blueprint().clone());
        for draw in 0..8 {
            let arch = whole.sample(&mut random::stream(6, "exported", draw, 0)).unwrap();
            let model = model(&space, &arch, draw);
            let pads = model.graph().unwrap().nodes.iter().filter(|node| matches!(node.op, Op::PadChannels(_))).count();
            let onnx = ModelProto::decode(&onnx::bytes(&model, true).unwrap()[..]).unwrap();
            let nodes = onnx.graph.unwrap().node;
            let last: Vec<&str> = nodes.iter().rev().take(2).map(|node| node.name.as_str()).collect();
            assert_eq!(last, ["probabilities", "logits"]);
            let mut seen = 0;
            for pad in nodes.iter().filter(|node| node.op_type == "Pad") {
                let mode = pad.attribute.iter().find(|attribute| attribute.name == "mode").unwrap();
                assert_eq!(mode.s.as_deref(), Some(&b"constant"[..]));
                // Its one reader is the pool of the reduction.
                let readers: Vec<_> = nodes.iter().filter(|node| node.input.contains(&pad.output[0])).collect();
                assert_eq!(readers.iter().map(|node| node.op_type.as_str()).collect::<Vec<_>>(), ["AveragePool"]);
                let side = readers[0].attribute.iter().find(|attribute| attribute.name == "kernel_shape").unwrap();
                assert_eq!(side.ints, [2, 2]);
                seen += 1;
            }
            assert_eq!(seen, pads, "{name}");
            // Only that space widens without parameters.
            assert_eq!(seen > 0, name == "cell1296", "{name}");
        }
    }
}

#[test]
fn python_code_names_each_layer_once_and_only_those_that_are_used() {
    let space = space("nasbench201", [8, 8, 3]);
    let arch =
        space.blueprint().parse("|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|").unwrap();
    let code = super::pytorch::code(&model(&space, &arch, 1)).unwrap();
    // Both convolutions are dead: their nodes do not reach the output.
    assert!(!code.contains("cells_0"), "{code}");
    for line in [
        "CLASSES = [\"cat \\\"Tom\\\"\", \"dog's\", \"Vogel ü\"]",
        "    \"reductions_0_first\": \"reductions.0.first\",",
        "        self.stem = nn.Conv2d(3, 4, 3, stride=1, padding=1, bias=False)",
        "        self.stem_norm = nn.BatchNorm2d(4, eps=1e-5)",
        "        x1 = (images - self.mean) / self.std",
        "        x2 = self.stem(x1)",
    ] {
        assert_eq!(code.matches(&format!("{line}\n")).count(), 1, "{line}\n{code}");
    }
}

#[test]
fn python_code_makes_depthwise_convolutions_and_reads_their_weights() {
    let space = space("stages", [8, 8, 3]);
    let text = "stem=1,width=4,block1=sep5,depth1=1,block2=conv,depth2=1,block3=conv,depth3=1";
    let code = super::pytorch::code(&model(&space, &space.blueprint().parse(text).unwrap(), 1)).unwrap();
    assert!(code.contains("nn.Conv2d(4, 4, 5, stride=1, padding=2, groups=4, bias=False)"), "{code}");
    // Their weights have no axis of inputs in the file.
    assert!(code.contains("weight.unsqueeze(2) if weight.dim() == 3 else weight"), "{code}");
}
