//! Blocks and networks that are timed, and predictions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use fewshot_space::{Arch, Feature, Filter, Region, random};

use super::clock::quick_ms;
use super::{LatencyError, LatencyTable, NetworkLatency};
use crate::nets::{Block, Blueprint, Net, NormMode, Path};
use crate::run::thread_pool;

/// Random networks that are looked through for blocks. Of NAS-Bench-201 every block is in one network of 25 or more; of a space
/// whose sizes are decisions, more are needed to see nearly all.
const LOOKED_THROUGH: [u64; 2] = [1024, 8192];
/// Spaces of more networks have sizes for decisions: only those that can be within the limit are looked through.
const LARGE: u128 = 100_000;
/// Blocks that are timed as often as [`ROUNDS`] says; more of them less often, but once at least.
const MANY: usize = 500;
/// Small networks that tell how many multiply-adds a millisecond can hold at most, and by how much that is stretched.
const PROBES: (u64, usize, f64) = (256, 8, 1.5);
/// Random networks timed as a whole: half of them for the factor, half to check.
const WHOLE: u64 = 32;
/// Each thing is timed so many times, after all others, so that blocks and networks meet the same disturbances; the shortest
/// counts, since a disturbance lengthens.
const ROUNDS: usize = 5;
/// How long a network that seems slow is timed again: the machine may have been busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Predicts the latency of networks trained alone.
#[derive(Debug)]
pub struct LatencyModel {
    net: Net,
    image: [usize; 3],
    table: LatencyTable,
}

impl LatencyModel {
    /// Predictions for networks of `blueprint` on images of `[height, width, channels]`, by `table`.
    ///
    /// # Errors
    /// When the table lacks a block that is in a network of the space, unless that is a large one.
    pub fn new(
        blueprint: Arc<dyn Blueprint>,
        image: [usize; 3],
        table: LatencyTable,
        device: &Device,
    ) -> Result<Self, LatencyError> {
        if table.format > LatencyTable::FORMAT {
            return Err(LatencyError::NewerTable(table.format));
        }
        let model = Self { net: catalogue(&blueprint, device), image, table };
        // Of a large space the table holds what can be within the limit, and the rest has no prediction.
        if model.net.region().size()? > LARGE {
            return Ok(model);
        }
        match distinct_blocks(&model.net, model.net.region(), image)?
            .into_keys()
            .find(|name| !model.table.blocks.contains_key(name))
        {
            Some(name) => Err(LatencyError::UnknownBlock(name)),
            None => Ok(model),
        }
    }

    /// Milliseconds for one image; `None` for a network with a block that was not measured, or outside the space.
    pub fn predict(&self, arch: &Arch) -> Option<f64> {
        let blocks = self.net.blocks(arch, self.image).ok()?;
        let sum: Option<f64> = blocks.iter().map(|block| self.table.blocks.get(&block.to_string())).sum();
        Some(self.table.base_ms + sum? * self.table.scale)
    }

    /// The prediction beside the truth: a network of fresh weights, timed as a whole. Timing goes on, for a second at most,
    /// until the network was seen to be as fast as `enough_ms`.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn check(
        &self,
        blueprint: &Arc<dyn Blueprint>,
        arch: &Arch,
        enough_ms: f64,
    ) -> Result<NetworkLatency, LatencyError> {
        let device = self.net.weights().device();
        let name = || LatencyError::UnknownBlock(blueprint.format(arch));
        let predicted_ms = self.predict(arch).ok_or_else(name)?;
        let measured_ms = one_thread()?.install(|| {
            let mut call = whole(blueprint, arch, self.image, device)?;
            let (begun, mut least) = (Instant::now(), f64::INFINITY);
            while least > enough_ms && begun.elapsed() < PATIENCE {
                least = least.min(quick_ms(&mut call));
            }
            Ok::<_, LatencyError>(least)
        })?;
        Ok(NetworkLatency { predicted_ms, measured_ms })
    }
}

/// The networks of the space that can keep a limit of so many milliseconds, as far as their multiply-adds tell: all of a space that
/// is not large.
///
/// # Errors
/// When a network cannot be timed.
pub fn plausible(
    blueprint: &Arc<dyn Blueprint>,
    image: [usize; 3],
    limit_ms: f64,
    device: &Device,
) -> Result<Region, LatencyError> {
    let whole = Region::full(blueprint.clone());
    if whole.size()? <= LARGE {
        return Ok(whole);
    }
    let (drawn, timed, stretch) = PROBES;
    let draws = (0..drawn).map(|draw| draw_arch(&whole, 0, "latency probes", draw));
    let mut archs = draws.collect::<Result<Vec<Arch>, LatencyError>>()?;
    archs.sort_by_key(|arch| blueprint.cost(arch).macs);
    let mut fastest: f64 = 0.0;
    one_thread()?.install(|| {
        for arch in archs.iter().take(timed) {
            let ms = quick_ms(self::whole(blueprint, arch, image, device)?);
            fastest = fastest.max(blueprint.cost(arch).macs as f64 / ms);
        }
        Ok::<_, LatencyError>(())
    })?;
    Ok(whole.filtered(Filter::at_most(Feature::Macs, (stretch * fastest * limit_ms) as u64)))
}

/// Times every block that networks of `region` are made of, and some networks as a whole. `seed` draws them.
///
/// # Errors
/// When the space's networks cannot be taken apart.
pub fn measure(
    blueprint: &Arc<dyn Blueprint>,
    region: &Region,
    image: [usize; 3],
    device: &Device,
    seed: u64,
) -> Result<LatencyTable, LatencyError> {
    let net = catalogue(blueprint, device);
    let distinct = distinct_blocks(&net, region, image)?;
    one_thread()?.install(|| {
        let archs = (0..WHOLE).map(|draw| draw_arch(region, seed, "latency check", draw));
        let archs = archs.collect::<Result<Vec<Arch>, LatencyError>>()?;
        let mut calls: Vec<Call> = distinct.values().map(|block| block.ready(device)).collect();
        for arch in &archs {
            calls.push(whole(blueprint, arch, image, device)?);
        }
        let mut times = shortest(&mut calls).into_iter();
        let blocks = distinct.into_keys().zip(times.by_ref()).collect();
        let table = LatencyTable { format: 1, base_ms: 0.0, scale: 1.0, mean_error: 0.0, worst_error: 0.0, blocks };
        let mut model = LatencyModel { net, image, table };
        // A network with a rare block that was not among those looked through says nothing.
        let pair = |(arch, measured): (&Arch, f64)| Some([model.predict(arch)?, measured]);
        let pairs: Vec<[f64; 2]> = archs.iter().zip(times).filter_map(pair).collect();
        let (fitted, checked) = pairs.split_at(pairs.len() / 2);
        (model.table.base_ms, model.table.scale) = line(fitted);
        let error =
            |[sum, measured]: &[f64; 2]| (model.table.base_ms + sum * model.table.scale - measured).abs() / measured;
        let errors: Vec<f64> = checked.iter().map(error).collect();
        model.table.mean_error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        model.table.worst_error = errors.into_iter().fold(0.0, f64::max);
        Ok(model.table)
    })
}

/// Milliseconds of one network for one image on one thread, timed as a whole for about a second: the shortest counts.
///
/// # Errors
/// When there is no such network.
pub fn time(
    blueprint: &Arc<dyn Blueprint>,
    arch: &Arch,
    image: [usize; 3],
    device: &Device,
) -> Result<f64, LatencyError> {
    one_thread()?.install(|| {
        let mut call = whole(blueprint, arch, image, device)?;
        let (begun, mut least) = (Instant::now(), f64::INFINITY);
        while begun.elapsed() < PATIENCE {
            least = least.min(quick_ms(&mut call));
        }
        Ok(least)
    })
}

/// Work to be timed.
type Call = Box<dyn FnMut()>;

/// Milliseconds of each call.
fn shortest(calls: &mut [Call]) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; calls.len()];
    let rounds = (ROUNDS * MANY / calls.len().max(1)).clamp(1, ROUNDS);
    for _ in 0..rounds {
        for (call, least) in calls.iter_mut().zip(&mut least) {
            *least = least.min(quick_ms(call));
        }
    }
    least
}

/// Intercept and slope of the line with the least sum of squared relative errors through `[x, y]`; through the origin where
/// the points give none with an intercept of 0 or more and a rising slope.
fn line(points: &[[f64; 2]]) -> (f64, f64) {
    // (b + s·x - y) / y is b·u + s·v - 1 with u = 1 / y and v = x / y.
    let sum = |of: fn(f64, f64) -> f64| points.iter().map(|[x, y]| of(1.0 / y, x / y)).sum::<f64>();
    let (uu, uv, vv, u, v) = (sum(|u, _| u * u), sum(|u, v| u * v), sum(|_, v| v * v), sum(|u, _| u), sum(|_, v| v));
    let determinant = uu * vv - uv * uv;
    let (base, slope) = ((u * vv - v * uv) / determinant, (v * uu - u * uv) / determinant);
    match base >= 0.0 && slope > 0.0 && base.is_finite() && slope.is_finite() {
        true => (base, slope),
        false if vv > 0.0 => (0.0, v / vv),
        false => (0.0, 1.0),
    }
}

fn one_thread() -> Result<rayon::ThreadPool, LatencyError> {
    Ok(thread_pool(1)?)
}

fn catalogue(blueprint: &Arc<dyn Blueprint>, device: &Device) -> Net {
    Net::catalogue(blueprint.clone(), Region::full(blueprint.clone()), device)
}

fn draw_arch(region: &Region, seed: u64, purpose: &str, draw: u64) -> Result<Arch, LatencyError> {
    Ok(region.sample(&mut random::stream(seed, purpose, draw, 0))?)
}

fn distinct_blocks(net: &Net, region: &Region, image: [usize; 3]) -> Result<BTreeMap<String, Block>, LatencyError> {
    let mut distinct = BTreeMap::new();
    let is_large = net.region().size()? > LARGE;
    for draw in 0..LOOKED_THROUGH[usize::from(is_large)] {
        // The same networks whatever the run's seed: a table of one run is good for another.
        let arch = draw_arch(region, 0, "latency blocks", draw)?;
        distinct.extend(net.blocks(&arch, image)?.into_iter().map(|block| (block.to_string(), block)));
    }
    Ok(distinct)
}

/// From one normalised image to its logits, or from one row of latent numbers to an image, ready to be run again and again.
fn whole(
    blueprint: &Arc<dyn Blueprint>,
    arch: &Arch,
    [height, width, channels]: [usize; 3],
    device: &Device,
) -> Result<Call, LatencyError> {
    let mut net = Net::standalone(blueprint.clone(), arch, device, 0)?;
    let path = Path::Shared(net.region().space().canonical(arch));
    if let Some(width) = net.latent() {
        let row = Tensor::<2>::ones([1, width], device);
        net.run(row.clone(), &path, NormMode::Running, None)?;
        return Ok(Box::new(move || drop(net.run(row.clone(), &path, NormMode::Running, None))));
    }
    let image = Tensor::<4>::ones([1, height, width, channels], device);
    // Once, so that what can fail has not.
    net.score(image.clone(), &path, NormMode::Running, None)?;
    Ok(Box::new(move || drop(net.score(image.clone(), &path, NormMode::Running, None))))
}

#[cfg(test)]
mod tests {
    use fewshot_space::{CellSpace, cell1296};

    use super::*;

    const IMAGE: [usize; 3] = [14, 14, 1];

    fn blueprint() -> Arc<dyn Blueprint> {
        let skeleton = fewshot_space::CellSkeleton {
            image_height: 14,
            image_width: 14,
            channels_in: 1,
            classes: 10,
            width: 8,
            ..cell1296::default_skeleton()
        };
        Arc::new(CellSpace::by_name("cell1296", skeleton).unwrap())
    }

    #[test]
    fn blocks_are_the_calls_of_a_network() {
        let blueprint = blueprint();
        let net = catalogue(&blueprint, &Device::flex());
        let space = net.region().space();
        let ops = &space.decisions()[0].options;
        let only = |name: &str| ops.iter().position(|op| op == name).unwrap() as u8;
        // A convolution beside a shortcut: it is added to what is there in one pass.
        let mut options = vec![only("none"); space.decisions().len()];
        let edge = |name: &str| space.decisions().iter().position(|decision| decision.name == name).unwrap();
        options[edge("e2")] = only("skip_connect");
        let names = |options: &[u8]| -> Vec<String> {
            let blocks = net.blocks(&Arch::new(options.to_vec()), IMAGE).unwrap();
            blocks.iter().map(ToString::to_string).collect()
        };
        let skip = names(&options);
        assert_eq!(skip.first().unwrap(), "conv3x3 norm 8 of 14x14x1");
        assert_eq!(skip.last().unwrap(), "linear 10 of 1x1x32");
        options[edge("e2")] = only("nor_conv_3x3");
        let conv = names(&options);
        for block in ["relu conv3x3 norm 8 of 14x14x8", "relu conv3x3 norm 16 of 7x7x16"] {
            assert!(conv.contains(&block.to_string()) && !skip.contains(&block.to_string()), "{conv:?}");
        }
    }

    #[test]
    fn a_network_takes_as_long_as_its_blocks() {
        let (blueprint, device) = (blueprint(), Device::flex());
        let table = measure(&blueprint, &Region::full(blueprint.clone()), IMAGE, &device, 0).unwrap();
        assert!(table.blocks.values().all(|&ms| ms > 0.0) && table.blocks.len() > 20, "{table:?}");
        // How close is for quiet machines to show; sums without any relation to the truth are far beyond this.
        assert!((0.2..5.0).contains(&table.scale) && table.mean_error < 1.0, "{table:?}");
        let model = LatencyModel::new(blueprint.clone(), IMAGE, table.clone(), &device).unwrap();
        let arch = draw_arch(model.net.region(), 1, "a test", 0).unwrap();
        let by_hand: f64 =
            model.net.blocks(&arch, IMAGE).unwrap().iter().map(|block| table.blocks[&block.to_string()]).sum();
        let latency = model.check(&blueprint, &arch, 0.0).unwrap();
        assert!(
            (latency.predicted_ms - table.base_ms - by_hand * table.scale).abs() < 1e-12 && latency.measured_ms > 0.0
        );
        // More of the same blocks take longer.
        let slowest =
            Region::full(blueprint.clone()).iter().filter_map(|arch| model.predict(&arch)).fold(0.0, f64::max);
        assert!(slowest > latency.predicted_ms);
    }

    #[test]
    fn a_line_is_found_where_there_is_one() {
        let on = |base: f64, slope: f64| [1.0, 2.0, 5.0].map(|x| [x, base + slope * x]);
        for (base, slope) in [(0.5, 1.1), (0.0, 2.0)] {
            let (found, rising) = line(&on(base, slope));
            assert!((found - base).abs() < 1e-9 && (rising - slope).abs() < 1e-9, "{found} {rising}");
        }
        // No network takes less than nothing besides its blocks.
        let (base, slope) = line(&on(-0.5, 1.0));
        assert!(base == 0.0 && (0.5..1.0).contains(&slope), "{slope}");
        assert_eq!(line(&[]), (0.0, 1.0));
        assert_eq!(line(&[[2.0, 3.0]]), (0.0, 1.5));
    }

    #[test]
    fn a_table_of_other_networks_is_refused() {
        let table = LatencyTable {
            format: 1,
            base_ms: 0.0,
            scale: 1.0,
            mean_error: 0.0,
            worst_error: 0.0,
            blocks: BTreeMap::new(),
        };
        let error = LatencyModel::new(blueprint(), IMAGE, table, &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("lacks the block") && error.contains("leave [latency] out"), "{error}");
    }
}
