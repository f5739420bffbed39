/**
 * Types of `window.kindling`, the page for programs. docs/api.md explains each method with examples.
 *
 * Every rejected promise is an `Error` whose `name` is one of `kindling.FailureName` and whose `message` is a sentence.
 */

declare global {
  interface Window {
    /** There as soon as the page's script has run; its methods wait for the engine themselves. */
    readonly kindling: kindling.Kindling;
  }
  // eslint-disable-next-line no-var
  var kindling: kindling.Kindling;
}

export declare namespace kindling {
  interface Kindling {
    /** Waits for an engine. */
    ready(): Promise<Engine>;

    /**
     * Loads a dataset and makes it the page's current one: one that is served with the page, by its id, or the files of
     * one that the page can read. Replaces the dataset before, with its networks; ends a load under way.
     */
    loadDataset(source: string | readonly File[] | FileList, options?: { split?: Partial<Split> }): Promise<Dataset>;

    /**
     * Trains a network on the current dataset, to the end of the run. Keys that are left out have the values of the dataset's
     * default preset, or of the preset that `network` names. An unknown key is refused. A run under way is stopped first.
     */
    train(config?: TrainConfig, onEvent?: (event: RunEvent) => void): Promise<Report>;

    /**
     * Smith's range test: which learning rate suits a config of `train`. Trains weights that are thrown away while the rate rises; the current
     * network stays. `stop` ends it.
     */
    findLearningRate(config?: TrainConfig, onEvent?: (event: RateEvent) => void): Promise<RateTest>;

    /**
     * Searches for settings: trains trials with other values of some settings, one after the other, and compares them by validation; the
     * test set is not looked at. Resolves once it is over, pauses included. `pause`, `resume` and `stop` act on the search; a `train`
     * pauses it, and the trial that was under way begins anew. The listener hears when a trial begins, after each of its epochs, and
     * when it is over or goes back to the queue.
     */
    search(options: SearchOptions, onEvent?: (event: { kind: "trial" } & Trial) => void): Promise<SearchReport>;

    /** The run in view, whoever started it: how it stands and its whole config. Undefined where there is none with the current dataset. */
    currentRun(): Promise<CurrentRun | undefined>;

    /** What the curves of the run in view say is wrong with it; empty for a run that is well. Nothing is changed by itself. */
    advice(): Promise<Advice[]>;

    /** The newest run that a reload, a crash or a lost GPU broke off; undefined where there is none. */
    interruptedRun(): Promise<InterruptedRun | undefined>;
    /**
     * Goes on with it from its last checkpoint, after loading its dataset where that is needed, and resolves as `train` does. On the CPU
     * engine the run comes to the same weights, bit for bit, as if it had never been broken off. The report has the epochs from there on.
     */
    resumeRun(onEvent?: (event: RunEvent) => void): Promise<Report>;

    /** Asks the run under way to pause; without one, nothing happens. The run's listener hears `paused`. */
    pause(): Promise<void>;
    /** Asks a paused run to go on. The run's listener hears `resumed`. */
    resume(): Promise<void>;
    /** Trains one batch of a paused or running run, then pauses. */
    step(): Promise<void>;
    /** Ends the run under way; the promise of its `train` resolves, with the best weights kept. Ends a search and a range test too. */
    stop(): Promise<void>;
    /**
     * Changes values of the run under way, within one step; without one, nothing happens. Its listener hears `adjusted`. `augment` is the
     * whole of it: strengths that are left out are 0.
     */
    adjust(values: { learningRate?: number; weightDecay?: number; augment?: Partial<Augment> }): Promise<void>;

    /**
     * Looks inside the network of the run under way and of those after it, or no longer, as opening and closing "Inside the network" does
     * in the place Train; leaving that place ends it. The run's listener hears `layers`. Feature maps are of the image with this index in
     * the dataset, the first sample if none is named; pictures are shown in the page only.
     */
    watch(look: boolean | { image?: number }): Promise<void>;

    /** Asks the current network about every image of a split, and shows the result in the place Understand. */
    evaluate(split: "validation" | "test", options?: TestTime): Promise<Evaluation>;

    /**
     * Classifies one image with the current network: all classes, most probable first. A `"photo"` (the default) gives its
     * largest centered square; a `"drawing"`, dark or light strokes on an even ground, is cropped, scaled and centered
     * as the dataset's images are.
     */
    classify(image: ImageSource, options?: { kind?: "photo" | "drawing" } & TestTime): Promise<ClassProbability[]>;

    /**
     * Makes the network that a kept run ended with the current one, after loading its dataset where that is needed. Rejects where the weights are
     * no longer kept, or while a run is under way.
     */
    openRun(id: string): Promise<void>;
    /**
     * A kept run in one file: its weights as safetensors, and the run itself in their metadata. `importRun` takes it on another machine, the
     * command line (`kindling predict`) as it is. Rejects where the weights are no longer kept.
     */
    exportRun(id: string): Promise<Blob>;
    /**
     * Keeps the runs of a file of `exportRun`, of the command line, or of "Export all runs", and gives their ids. Runs that are here already stay as
     * they are.
     */
    importRun(file: Blob): Promise<string[]>;
    /** The runs that are kept on this device, the oldest first; those of earlier visits too. */
    runs(): Promise<KeptRun[]>;

    /** Not there yet: rejects with an error named `NotYet`. */
    export(format: string): Promise<never>;
    /** Not there yet: rejects with an error named `NotYet`. */
    import(model: Blob): Promise<never>;
  }

  interface TestTime {
    /** Whether the mean over several views of each image answers: as it is, moved a little and, but for digits and letters, mirrored. */
    testTimeAugmentation?: boolean;
  }

  /** Whatever the browser's `createImageBitmap` takes. */
  type ImageSource =
    | Blob
    | ImageData
    | ImageBitmap
    | HTMLCanvasElement
    | OffscreenCanvas
    | HTMLImageElement
    | HTMLVideoElement
    | VideoFrame;

  interface Engine {
    engine: "webgpu" | "cpu";
    /** The graphics adapter as the browser names it, or how the CPU computes. */
    adapter: string;
    /** Why this engine was chosen. */
    reason:
      | "gpu-found"
      | "no-webgpu"
      | "no-adapter"
      | "software-adapter"
      | "no-timestamp-query"
      | "chosen"
      | "address"
      | "gpu-coming"
      | "gpu-came"
      | "gpu-not-built"
      | "gpu-failed";
    /** Whether kernels that were tuned for the GPU are in use. */
    isTuned: boolean;
    /** Names the format of what page and engine tell each other. */
    build: string;
  }

  interface Dataset {
    /** The id of a served dataset; such as `"files-3f9a1c07"` for one loaded from files, the same for the same files. */
    id: string;
    name: string;
    /** The name of each class; elsewhere a class is its index here. */
    classes: string[];
    counts: { train: number; validation: number; test: number };
    shape: { channels: number; height: number; width: number };
    /** Whether the dataset brought its own test set. */
    hasStandardTest: boolean;
  }

  interface Split {
    /** Share of the images outside the test set that is held out for validation, 0 to 0.5. */
    validationFraction: number;
    /** Share of all images that becomes the test set, 0 to 0.5; ignored where the dataset has a standard test set. */
    testFraction: number;
    /** 0 to 4294967295. */
    seed: number;
  }

  interface TrainConfig {
    /** The id of a preset, which brings its recipe, or a network as data. */
    network?: string | Network;
    /** Passes over the train split, 1 to 10000. */
    epochs?: number;
    /** End after this many steps, 1 to 4294967295, whatever the epoch. */
    maxSteps?: number | null;
    /** Images per step, 1 to 4096. */
    batchSize?: number;
    /** η in `θ ← θ − η∇L − ηλθ`, above 0 to 1e9; the schedule starts from it. */
    learningRate?: number;
    /** λ in `θ ← θ − η∇L − ηλθ`, 0 to 1e9; less than 1 divided by the learning rate. */
    weightDecay?: number;
    /** How the weight decay acts: apart from the gradient, or as part of it. */
    decay?: "decoupled" | "l2";
    /** PyTorch's definitions and defaults. */
    optimizer?: OneOf<Optimizers>;
    /** Of SGD, RMSProp or Muon. */
    momentum?: number;
    loss?: OneOf<Losses>;
    schedule?: OneOf<Schedules>;
    /** The longest that the gradient of all parameters together may be, above 0 to 1e9. */
    clipNorm?: number | null;
    /** Batches whose mean gradient makes one update, 1 to 1000. */
    batchesPerUpdate?: number;
    /** Share of the old average in a moving average of the weights, 0 to below 1, which is then evaluated and kept instead of them. */
    emaDecay?: number | null;
    earlyStopping?: Partial<EarlyStopping> | null;
    /** Random changes to the train images. */
    augment?: Partial<Augment>;
    /** Train images are changed so that the network errs on them, within a bound, and learned with their true labels. */
    adversarial?: Partial<Adversarial> | null;
    /** Seeds the initial weights, the order of the batches, and the changes to them. A whole number, 0 to 4294967295. */
    seed?: number;
    /** May be given, as in the config of another run, if it is the current dataset's. */
    dataset?: string;
    /** May be given, as in the config of another run, if it is the current dataset's. */
    split?: Split;
  }

  interface CurrentRun {
    state: "preparing" | "training" | "paused" | "finished" | "failed";
    /** Steps done. */
    step: number;
    /** Every key has its value; `train` takes it as it is, while the dataset is the same. */
    config: TrainConfig;
  }

  type Advice = {
    /** What is seen, with its figures, in the page's language. */
    sentence: string;
    /** What to try. */
    remedy: string;
  } & (
    | {
        kind: "rateTooHigh";
        learningRate: number;
        /** The loss had fallen and has risen since; or it jumped, and is no better than guessing. */
        sign:
          | { rose: { lowestLoss: number; lowestStep: number; loss: number } }
          | { jumped: { highestLoss: number; highestStep: number; loss: number; guessLoss: number } };
      }
    | { kind: "rateTooLow"; learningRate: number; firstLoss: number; loss: number; steps: number }
    /** `sinceEpoch` counts from 0; `lowestLoss` and `loss` are the validation's. */
    | { kind: "overFitting"; sinceEpoch: number; lowestLoss: number; loss: number; trainLossThen: number; trainLoss: number }
    /** `layer` is the place in the network's list, from 0. */
    | { kind: "deadUnits"; layer: number; share: number }
    | { kind: "saturatedOutputs"; layer: number; share: number }
    | { kind: "unbalancedClasses"; largest: number; largestCount: number; smallest: number; smallestCount: number }
  );

  interface InterruptedRun {
    /** Steps done, of so many. */
    step: number;
    totalSteps: number;
    /** Milliseconds since 1970, UTC. */
    savedAt: number;
    config: TrainConfig;
  }

  /** A name, or an object with a name as its one key and any of its values. */
  type OneOf<Kinds> = keyof Kinds | { [Name in keyof Kinds]: { [Key in Name]: Partial<Kinds[Key]> } }[keyof Kinds];

  interface Optimizers {
    sgd: {
      /** 0 to below 1. */
      momentum: number;
      /** Needs a momentum above 0. */
      nesterov: boolean;
    };
    adam: Adam;
    /** Adam whose decay is always decoupled. */
    adamW: Adam;
    rmsProp: {
      /** 0 to below 1. */
      alpha: number;
      /** Keeps a division from failing, above 0 to 1. */
      epsilon: number;
      /** 0 to below 1. */
      momentum: number;
      centered: boolean;
    };
    adagrad: {
      /** Keeps a division from failing, above 0 to 1. */
      epsilon: number;
    };
    lion: {
      /** 0 to below 1. */
      beta1: number;
      /** 0 to below 1. */
      beta2: number;
    };
    /** Keller Jordan's, for weights; biases and norms have AdamW at this share of the learning rate. */
    muon: {
      /** 0 to below 1. */
      momentum: number;
      /** AdamW's learning rate as a fraction of Muon's, above 0 to 100. */
      adamRateShare: number;
    };
  }

  interface Adam {
    /** 0 to below 1. */
    beta1: number;
    /** 0 to below 1. */
    beta2: number;
    /** Keeps a division from failing, above 0 to 1. */
    epsilon: number;
  }

  interface Losses {
    crossEntropy: {
      /** Share of the target that is spread evenly over all classes, 0 to below 1. */
      labelSmoothing: number;
      classWeights: "none" | "balanced" | { given: number[] };
    };
    /** For two classes, on the difference of the two logits. */
    binaryCrossEntropy: Record<string, never>;
    /** Between the softmax's probabilities and 0 or 1. */
    meanSquaredError: Record<string, never>;
  }

  interface Schedules {
    constant: Record<string, never>;
    /** Times `factor` after every `epochs` epochs. */
    step: {
      /** 1 to 10000. */
      epochs: number;
      /** What the rate is multiplied by, above 0 to 1. */
      factor: number;
    };
    /** Times `factor` after every epoch. */
    exponential: {
      /** What the rate is multiplied by, above 0 to 1. */
      factor: number;
    };
    cosine: {
      /** 0 to 4294967295. */
      warmUpSteps: number;
      /** 0 to 1e9. */
      leastRate: number;
    };
    /** PyTorch's `OneCycleLR`. */
    oneCycle: {
      /** Fraction of the steps in which the rate rises, 0 to 1. */
      rise: number;
      /** 1 to 1e9. */
      startDivisor: number;
      /** 1 to 1e9. */
      endDivisor: number;
    };
    /** PyTorch's `ReduceLROnPlateau`, on the validation loss. */
    plateau: {
      /** What the rate is multiplied by, above 0 to 1. */
      factor: number;
      /** Epochs, 0 to 10000. */
      patience: number;
      /** Fraction of the lowest loss, 0 to below 1. */
      threshold: number;
      /** Epochs, 0 to 10000. */
      cooldown: number;
      /** 0 to 1e9. */
      leastRate: number;
    };
  }

  interface EarlyStopping {
    metric: "validationLoss" | "validationAccuracy";
    /** Epochs in a row without an improvement after which the run ends, 1 to 10000. */
    patience: number;
    /** An improvement that is smaller is none, 0 to 1e9. */
    leastImprovement: number;
  }

  /** Strengths; 0 is none. docs/api.md says what each does. */
  interface Augment {
    /** 0 to 1. */
    flip: number;
    /** 0 to 0.5. */
    shift: number;
    /** 0 to 180. */
    rotationDegrees: number;
    /** 0 to 0.9. */
    zoom: number;
    /** 0 to 60. */
    shearDegrees: number;
    /** 0 to 1. */
    brightness: number;
    /** 0 to 1. */
    contrast: number;
    /** 0 to 1. */
    saturation: number;
    /** 0 to 0.5. */
    hue: number;
    /** 0 to 1. */
    noise: number;
    /** 0 to 1. */
    cutout: number;
    /** 0 to 1. */
    mixup: number;
    /** 0 to 1. */
    cutmix: number;
  }

  interface Adversarial {
    /** One step of the whole strength, or several smaller ones from a random place within it. */
    method: OneOf<{
      fgsm: Record<string, never>;
      pgd: {
        /** 1 to 100. */
        steps: number;
        /** As `strength`, above 0 to 1. */
        stepSize: number;
      };
    }>;
    /** ε: the largest change of a value, as a share of the way from black to white, above 0 to 1. */
    strength: number;
    /** Share of each batch that is attacked, 0 to 1. */
    share: number;
  }

  interface Network {
    name: string;
    /** The input shape and the number of classes come from the dataset. At most 250, those in blocks included. */
    layers: Layer[];
    /**
     * How the first weights are drawn: as PyTorch draws them for each kind of layer (the default), by He's or Xavier's bounds with
     * biases of 0, or all 0. Norms start as the identity whatever is chosen.
     */
    init?: "pytorch" | "he" | "xavier" | "zeros";
  }

  /**
   * A layer with PyTorch's definition. Between layers flow maps (channels × height × width), a sequence (length × features), or a
   * vector. An image is maps; the classifier takes a vector.
   */
  type Layer =
    /** Maps to maps. */
    | { conv: Conv }
    /** One filter for each channel. */
    | { depthwiseConv: Omit<Conv, "filters" | "groups"> }
    /** Maps or a vector. */
    | "batchNorm"
    /** Maps. */
    | { groupNorm: { groups: number } }
    /** The features of each item of a sequence, or a vector; on maps a group norm with one group. */
    | "layerNorm"
    | { activation: "relu" | "leakyRelu" | "gelu" | "silu" | "tanh" | "sigmoid" }
    | { maxPool: { size: number; stride: number } }
    | { averagePool: { size: number; stride: number } }
    /** Maps or a sequence to a vector: one number for each channel or feature. */
    | "globalAveragePool"
    | "globalMaxPool"
    /** 0 to less than 1. */
    | { dropout: { rate: number } }
    /** Whole channels of maps. */
    | { spatialDropout: { rate: number } }
    /** Maps or a sequence to a vector. */
    | "flatten"
    /** A vector, or each item of a sequence. */
    | { linear: { units: number; bias: boolean } }
    /** Adds its input to what its layers put out, projected where they change the shape. At most 4 in each other. */
    | { residual: { layers: Layer[] } }
    /** MobileNet's block: depthwise and 1x1 convolution, each with batch norm and ReLU. */
    | { depthwiseSeparable: { filters: number; kernel: number; stride: number } }
    | { squeezeExcitation: { ratio: number } }
    /** Maps to the sequence of their rows. */
    | "rows"
    /** A sequence to its last state, a vector, or to all of them, a sequence. */
    | { lstm: { units: number; states?: "last" | "all" } }
    | { gru: { units: number; states?: "last" | "all" } }
    /** Maps to a sequence of squares. */
    | { patchEmbedding: { size: number; features: number } }
    /** Learned places of a sequence's items. */
    | "positionEmbedding"
    /** Norm first, GELU; `heads` divides the features. */
    | { transformerBlock: { heads: number; mlpRatio: number; dropout?: number } }
    /** The last layer: linear, one output per class. */
    | { classifier: { bias: boolean } };

  interface Conv {
    filters: number;
    kernel: number;
    stride: number;
    padding: "valid" | "same";
    /** Distance between the kernel's cells; 1 if left out. */
    dilation?: number;
    /** Divides channels and filters; 1 if left out. */
    groups?: number;
    bias: boolean;
  }

  type RunEvent =
    | {
        kind: "preparing";
        stage: "uploadingImages" | "buildingNetwork" | "compilingKernels";
      }
    | { kind: "preparing"; stage: "tuningKernels"; done: number; total: number }
    /** The first step is about to start. */
    | { kind: "started"; stepsPerEpoch: number; totalSteps: number; parameters: number }
    | Progress
    | ({ kind: "epoch" } & EpochReport)
    /** Predictions for the dataset's sample images, at most once a second. */
    | { kind: "samples"; predictions: Prediction[] }
    /** While somebody looks inside (`watch`): at most once a second, in at most 3 % of the time. */
    | { kind: "layers"; step: number; layers: LayerReport[] }
    | { kind: "paused"; step: number }
    | { kind: "resumed" }
    /** The run can go on from this step after a reload, see `resumeRun`. */
    | { kind: "checkpoint"; step: number }
    /** The weights that the run ends with are kept; right before `finished`. */
    | { kind: "weights"; bytes: number }
    /** `adjust` has changed something: what is in force from this step on. */
    | ({ kind: "adjusted" } & Adjustment)
    | ({ kind: "finished" } & RunReport)
    | { kind: "failed"; name: FailureName; message: string };

  /** A layer that learns something or is an activation; null where a figure is undefined. */
  interface LayerReport {
    /** Its place in the network's list of layers. A block counts as one, with all that is in it. */
    index: number;
    /** After the update. */
    weights: Histogram | null;
    /** Mean over the batch, before it is clipped. */
    gradients: Histogram | null;
    /** Outputs for up to 64 validation images, as an evaluation would see them. */
    activations: Histogram | null;
    gradientNorm: number | null;
    /** Norm of the update over that of the weights. */
    updateRatio: number | null;
    /** Units of a ReLU that are 0 for all of those images. */
    deadUnits: { count: number; total: number } | null;
    /** Share of values within 1 % of the ends of a sigmoid's or tanh's range, 0 to 1. */
    saturated: number | null;
  }

  /** Of all values, or of about 4096 that lie evenly apart. */
  interface Histogram {
    low: number;
    high: number;
    /** In equally wide bins from `low` to `high`. */
    counts: number[];
  }

  /** At most ten times a second. */
  interface Progress {
    kind: "progress";
    /** Steps done. */
    step: number;
    /** Epoch under way, from 0. */
    epoch: number;
    /** Loss of every step since the last progress, oldest first; null where it is not a finite number. */
    losses: (number | null)[];
    /** The last of `losses`. */
    loss: number | null;
    /** Share of the images of those steps that were classified right, 0 to 1. */
    accuracy: number;
    /** That of step `step`. */
    learningRate: number;
    imagesPerSecond: number;
    /** Time since the first step, pauses left out. */
    elapsedMs: number;
    remainingMs: number;
  }

  interface EpochReport {
    /** From 0. */
    epoch: number;
    /** Steps done at its end. */
    step: number;
    /** Mean over the epoch's steps, as the network was at each; of the loss that the run minimizes. */
    trainLoss: number | null;
    trainAccuracy: number;
    /** Mean cross-entropy, whatever the run minimizes. */
    validationLoss: number | null;
    validationAccuracy: number;
    /** Whether these are the best weights so far, by validation accuracy, or by what early stopping watches. */
    isBest: boolean;
    elapsedMs: number;
  }

  interface RunReport {
    ending: "completed" | "stepLimit" | "stopped" | "earlyStopped";
    /** Steps done. */
    steps: number;
    /** The epoch whose weights are kept; null where no epoch was completed, then the last weights are kept. */
    best: EpochReport | null;
    /** Whether the weights that were evaluated and kept are the moving average (`emaDecay`). */
    isAveraged: boolean;
    elapsedMs: number;
  }

  /** At most ten times a second. */
  interface RateEvent {
    kind: "points";
    /** How far the test is, 0 to 1. */
    fraction: number;
    /** Those since the last event. */
    points: RatePoint[];
  }

  interface SearchOptions {
    /** What all trials share, as `train` takes it; `epochs` and `maxSteps` are those of a full run. */
    config?: TrainConfig;
    /**
     * By the path of each setting, as in `"learningRate"`, `"optimizer.momentum"`, `"network.layers.2.conv.filters"`: a range, or a list of
     * choices. Optimizers, schedules and losses may be given as in `train`, networks by the id of their preset.
     */
    space: { [path: string]: SearchRange | readonly unknown[] };
    /** Asynchronous successive halving, if left out. */
    method?: "asha" | "random" | "grid";
    /** Trials to draw, 1 to 200; 12 if left out. A grid has as many as it has points, at most 200. */
    trials?: number;
    /** Of a grid: values of each range, 2 to 50; 3 if left out. */
    points?: number;
    /** Of ASHA: one in so many goes on at each rung, 2 to 10; 3 if left out. */
    factor?: number;
    /** Of ASHA: epochs at the first rung; 1 if left out. */
    firstEpochs?: number;
    /** Epochs of a trial, 1 to 100; those of `config` if left out. */
    epochs?: number;
    /** By which trials are compared; the accuracy if left out. */
    metric?: "validationAccuracy" | "validationLoss";
    /** What all trials together may take; no limit if left out. */
    budget?: { steps?: number | null; minutes?: number | null };
    /** Of the draws; the same seed draws the same trials. */
    seed?: number;
  }

  interface SearchRange {
    least: number;
    most: number;
    /** Whether equal differences (`"linear"`, if left out) or equal factors are drawn as often. */
    scale?: "linear" | "log";
    /** Whether only whole numbers are drawn; if left out, as the setting's own number is. */
    whole?: boolean;
  }

  interface Trial {
    /** From 0. */
    trial: number;
    /** `done`: to its last epoch; `cut`: stopped at a rung; `ended`: with the search or its budget. */
    state: "waiting" | "running" | "done" | "cut" | "ended" | { failed: FailureName };
    /** By path; without those that its settings do not have, such as a momentum for Adam. */
    values: { [path: string]: unknown };
    /** Its best figure so far, of the metric of the search. */
    best: number | null;
    epochs: { step: number; validationLoss: number | null; validationAccuracy: number }[];
    /** Steps done. */
    steps: number;
    elapsedMs: number;
    /** Its settings with the length of a full run: `train` takes them as they are. */
    config: TrainConfig;
  }

  interface SearchReport {
    ending: "allTried" | "budgetSpent" | "stopped";
    /** Null where no trial completed an epoch. */
    best: Trial | null;
    trials: Trial[];
    /** By path, the share of the figure's variance that a setting explains by itself, 0 to 1; null where too few trials tell. */
    importance: { [path: string]: number | null };
    /** Of all trials. */
    steps: number;
    elapsedMs: number;
  }

  interface RateTest {
    /** By rising rate, up to where the loss went up for good. */
    points: RatePoint[];
    /** A rate to begin with; null where the loss never fell. */
    proposed: number | null;
  }

  interface RatePoint {
    learningRate: number;
    /** Smoothed over the steps before. */
    loss: number;
  }

  interface Report extends RunReport {
    epochs: EpochReport[];
  }

  /** The values in force after a step. */
  interface Adjustment {
    step: number;
    /** The one that the schedule starts from. */
    learningRate: number;
    weightDecay: number;
    /** Null while it is the config's. */
    augment: Augment | null;
  }

  interface KeptRun {
    id: string;
    /** Milliseconds since 1970, UTC. */
    startedAt: number;
    datasetName: string;
    /** Complete: `train` takes it as it is, on its own dataset. */
    config: TrainConfig;
    /** Learned numbers of the network; null where the run failed before they were known. */
    parameters: number | null;
    /** Steps done. */
    steps: number;
    /** Pauses left out. */
    elapsedMs: number;
    ending: "completed" | "stepLimit" | "stopped" | "earlyStopped" | "replaced" | { failed: FailureName };
    /** The epoch whose weights were kept; null where none was completed. */
    best: EpochReport | null;
    epochs: EpochReport[];
    /** What was changed while it ran. */
    adjustments: Adjustment[];
    /** Of the test set, if it was asked for after the run's end, or after `openRun`. */
    test: { loss: number | null; accuracy: number } | null;
    /** `"gpu"` is one that the command line used. */
    environment: { engine: "webgpu" | "cpu" | "gpu" | null; adapter: string; userAgent: string; build: string };
    /** What the network takes and answers; null in runs from before this was kept. */
    input: {
      shape: { channels: number; height: number; width: number };
      classes: string[];
      /** How the dataset shows what it shows. */
      style: "scene" | { figure: object };
    } | null;
    /** Size of the weights that it ended with; null where they are not kept, and then `openRun` rejects. */
    weightsBytes: number | null;
    /** Given by the visitor; empty where there is none. */
    name: string;
    note: string;
    isStarred: boolean;
    /** At most 2048 points each. */
    curves: {
      trainLoss: CurvePoint[];
      trainAccuracy: CurvePoint[];
      validationLoss: CurvePoint[];
      validationAccuracy: CurvePoint[];
    };
  }

  interface CurvePoint {
    /** The last step that went into the point. */
    step: number;
    /** Mean of the values that went into it. */
    value: number;
  }

  interface Prediction {
    /** Index in the dataset. */
    index: number;
    /** The true class. */
    label: number;
    /** The class that the network names. */
    predicted: number;
    /** Probability of `predicted`, 0 to 1. */
    confidence: number;
    /** Cross-entropy of this image. */
    loss: number | null;
  }

  interface Evaluation {
    split: "validation" | "test";
    /** Mean cross-entropy. */
    loss: number | null;
    /** 0 to 1. */
    accuracy: number;
    /** `confusion[label][predicted]`: how many images of class `label` were taken for class `predicted`. */
    confusion: number[][];
    perClass: ClassFigures[];
  }

  interface ClassFigures {
    label: string;
    /** Of the images that were taken for this class, the share that is of it; null where there are none. */
    precision: number | null;
    /** Of the images of this class, the share that was recognized; null where there are none. */
    recall: number | null;
    /** Harmonic mean of precision and recall; null where neither is known. */
    f1: number | null;
    /** Images of this class in the split. */
    count: number;
  }

  interface ClassProbability {
    label: string;
    /** 0 to 1. */
    probability: number;
  }

  type FailureName =
    | "DownloadFailed"
    | "WrongHash"
    | "BadFile"
    | "UnknownFormat"
    | "TooFewImages"
    | "NoDataset"
    | "NoNetwork"
    | "BadNetwork"
    | "BadConfig"
    | "BadImage"
    | "LossNotFinite"
    | "OutOfMemory"
    | "NoWebGpu"
    | "GpuError"
    | "DeviceLost"
    | "EngineCrashed"
    | "BuildMismatch"
    | "Canceled"
    | "NotYet";
}
