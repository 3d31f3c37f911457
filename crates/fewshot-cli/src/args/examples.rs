//! What stands under the flags in `--help`.

pub const SEARCH: &str = "\
Examples:
  fewshot search                                  on the embedded sample: five minutes, then what to compare with
  fewshot search --data photos --max-macs 3M --minutes 20
  fewshot search --data photos --max-params 100K --max-latency-ms 2 --no-references
  fewshot search --data photos --pareto 6         six networks from cheap to accurate
  fewshot search --data photos --verify 10        can the ranking be believed on these photos?
  fewshot search --preset quick --data cifar10 --split e0,e3 --strategy random --budget 500 --out runs/mine

Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted (`fewshot resume RUN` goes on).";

pub const TRAIN: &str = "\
Examples:
  fewshot train runs/search-1 --minutes 20        what a run found, further
  fewshot train runs/search-1 --fresh --test      anew, and measured on the test images
  fewshot train --arch runs/search-1 --data other its architecture on other images
  fewshot train --arch '|max_pool_3x3~0|+|nor_conv_3x3~1|+|nor_conv_3x3~0|max_pool_3x3~2|' --epochs 40";

pub const REPRODUCE: &str = "\
Examples:
  fewshot reproduce proof-of-concept              does it run? a minute
  fewshot reproduce proof-of-concept --scale laptop
  fewshot reproduce strategies --scale laptop --truth cifar10.csv
  fewshot reproduce nasbench201 --scale laptop --data cifar10 --truth cifar10.csv --truth-columns true_acc

What can be changed: --networks of rankings and truths, --truth and --truth-columns of rankings, gradient-based methods and
strategies, --methods of gradient-based methods, --seeds of all but cifar10-final, and any setting by --recipe of one comparison
(mbconv is three). A flag that the comparison does not read is refused.";

pub const RESUME: &str = "\
Examples:
  fewshot resume runs/search-1                    from the last step that was saved, to the same result
  fewshot resume runs/search-1 --json             the result of a run that has ended";

pub const STATUS: &str = "\
Examples:
  fewshot status runs/search-1
  fewshot status runs/search-1 --watch            again and again, until all is done
  fewshot status runs/search-1 --json             for other programs

It works from any machine that sees the folder, whoever works on the run.";

pub const CANCEL: &str = "\
Examples:
  fewshot cancel runs/search-1                    what is done stays: `fewshot resume runs/search-1 --launch ..` goes on";

pub const WORK: &str = "\
Examples:
  fewshot work runs/search-1                      a worker more, on this machine or another that sees the folder
  fewshot work runs/search-1 --stage child-3      this stage alone, whose inputs are done

Exit codes: 0 the stages are done, 1 failed, 130 interrupted (what is done is saved).";

pub const REPORT: &str = "\
Examples:
  fewshot report runs/search-1
  fewshot report runs/search-1 --out page.html    also of a run that is still going";

pub const PREDICT: &str = "\
Examples:
  fewshot predict runs/search-1 photo.jpg
  fewshot predict runs/search-1/model.safetensors photos/*.jpg --top 5 --json

An image that cannot be read is named, the others are answered, and the exit code is 1.";

pub const EVAL: &str = "\
Examples:
  fewshot eval runs/search-1                      on the test images of the embedded sample
  fewshot eval runs/search-1 --data photos --part all --json";

pub const GENERATE: &str = "\
Examples:
  fewshot generate runs/gan --count 100 --out made    # behind: fewshot search --space autogan --data photos --out runs/gan
  fewshot generate runs/gan/model.safetensors --count 8 --seed 7 --out made";

pub const EXPORT: &str = "\
Examples:
  fewshot export runs/search-1 --format onnx --out flowers.onnx
  fewshot export runs/search-1 --format pytorch --out flowers     model.py and its weights, needs torch alone

ONNX: input `images` [N, channels, height, width], values from 0 to 1; outputs `logits` and `probabilities` [N, classes].
Of a generator: input `latent` [N, numbers], normal; output `images`, values from 0 to 1.";

pub const RANK: &str = "\
Examples:
  fewshot rank runs/proof                         a run that compared scores with the truth
  fewshot rank --space nasbench201 --truth T.csv --truth-column true_acc \\
               --scores S.csv --score-column score --json";

pub const COST: &str = "\
Examples:
  fewshot cost --arch stem=2,width=24,block1=conv,depth1=1,block2=conv,depth2=1,block3=conv,depth3=1
  fewshot cost --space nasbench201 --set width=16 --set cells=5 --latency --json \\
               --arch '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|'";

pub const DATA: &str = "\
Examples:
  fewshot data info                               the embedded sample
  fewshot data info photos --image-size 32";

pub const SPACES: &str = "\
Examples:
  fewshot spaces
  fewshot search --space nasbench201";

pub const STRATEGIES: &str = "\
Examples:
  fewshot strategies
  fewshot search --strategy random --budget 500";

pub const RECIPES: &str = "\
Examples:
  fewshot recipes                                 all presets
  fewshot recipes show images > mine.toml         a recipe of your own, to change
  fewshot recipes check mine.toml --preset images
  fewshot search --recipe mine.toml";

pub const BENCH: &str = "\
Examples:
  fewshot bench step                              seconds per training step
  fewshot bench score --archs 200
  fewshot bench ops 'conv 3x3 s1'";

pub const COMPLETIONS: &str = "\
Examples:
  fewshot completions bash > ~/.local/share/bash-completion/completions/fewshot
  fewshot completions zsh > ~/.zfunc/_fewshot     in a folder of $fpath
  fewshot completions fish > ~/.config/fish/completions/fewshot.fish";

pub const MAN: &str = "\
Examples:
  fewshot man --out ~/.local/share/man/man1       `man fewshot`, `man fewshot-search`
  fewshot man > fewshot.1";
