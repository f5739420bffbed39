/**
 * Type declarations of `window.kindling`, the page's JavaScript API. docs/api.md documents each method with examples.
 *
 * Every rejected promise carries an `Error` whose `name` is a `kindling.FailureName` and whose `message` is a sentence.
 */

declare global {
  interface Window {
    /** Exists once the page has started. Its methods wait for the engine. */
    readonly kindling: kindling.Kindling;
  }
  // eslint-disable-next-line no-var
  var kindling: kindling.Kindling;
}

export declare namespace kindling {
  interface Kindling {
    /** Waits until an engine runs. */
    ready(): Promise<Engine>;

    /**
     * Loads a dataset, splits it, and makes it the page's current one: a served dataset, by its id, or one read from files.
     * Replaces the previous dataset and its networks, cancels a load in progress, and stops a run in progress.
     */
    loadDataset(
      source: string | readonly File[] | FileList,
      options?: { split?: Partial<Split>; images?: ImageReading },
    ): Promise<Dataset>;

    /**
     * Trains a network on the current dataset and resolves at the end of the run. Omitted keys take the values of the preset
     * that `network` names, else of the dataset's default preset. Rejects unknown keys. Replaces a run in progress, whose
     * promise rejects with `Canceled`. `teacher` is the id of a kept run from which the network learns, see `distillation`.
     */
    train(config?: TrainConfig & {
      teacher?: string;
      /**
       * The id of a kept run to continue from: its weights, and the units of the output layer of classes of the same name. Omitted keys are those
       * of that run.
       */
      from?: string;
    }, onEvent?: (event: RunEvent) => void): Promise<Report>;

    /**
     * Runs an LR range test (Smith, 2015) on a throw-away network of this config; the current network is not affected. `stop`
     * ends it.
     */
    findLearningRate(config?: TrainConfig, onEvent?: (event: RateEvent) => void): Promise<RateTest>;
    /** Looks for copies, and for blank, dark and blurred images. */
    checkImages(): Promise<ImageChecks>;
    /** Finds images whose labels are probably wrong, by cross-validation with networks of this config. Nothing is changed. */
    findLabelErrors(config?: TrainConfig & { folds?: number }, onEvent?: (event: FoldEvent) => void): Promise<LabelErrors>;

    /**
     * Hyperparameter search: trains trials one after the other and compares them on the validation split; the test set is not
     * used. Resolves when the search is over, pauses included. `pause`, `resume` and `stop` act on the search; a `train`
     * pauses it, and the interrupted trial starts again. The listener is called when a trial starts, after each of its
     * epochs, and when it ends or returns to the queue.
     */
    search(options: SearchOptions, onEvent?: (event: { kind: "trial" } & Trial) => void): Promise<SearchReport>;

    /**
     * State and complete config of the run shown on the page, whoever started it; undefined if there was none with the
     * current dataset.
     */
    currentRun(): Promise<CurrentRun | undefined>;

    /** Problems that the curves of the current run show; empty for a healthy run. Nothing is changed automatically. */
    advice(): Promise<Advice[]>;

    /** The newest run interrupted by a reload, a crash or a lost GPU; undefined if there is none. */
    interruptedRun(): Promise<InterruptedRun | undefined>;
    /**
     * Resumes that run from its last checkpoint, loading its dataset if necessary, and resolves as `train` does. On the CPU
     * engine it ends with the same weights, bit for bit, as an uninterrupted run. The report has the epochs from there on.
     */
    resumeRun(onEvent?: (event: RunEvent) => void): Promise<Report>;

    /** Pauses the run; its listener receives `paused`. Without a run, nothing happens. */
    pause(): Promise<void>;
    /** Continues a paused run; its listener receives `resumed`. */
    resume(): Promise<void>;
    /** Trains one batch, then pauses. */
    step(): Promise<void>;
    /**
     * Ends the run and keeps its best checkpoint; the promise of its `train` resolves. Also ends a search and an LR range
     * test.
     */
    stop(): Promise<void>;
    /**
     * Changes hyperparameters of the run from its next step on; its listener receives `adjusted`. Without a run, nothing
     * happens. `augment` is the complete augmentation: omitted strengths are 0.
     */
    adjust(values: { learningRate?: number; weightDecay?: number; augment?: Partial<Augment> }): Promise<void>;

    /**
     * Turns `layers` events on or off for the current run and later ones, along with the monitor in the page's Train view;
     * leaving that view turns them off. `image` is the index of the image whose feature maps the page shows, by default the
     * first sample image. Events contain no pictures.
     */
    watch(look: boolean | { image?: number }): Promise<void>;

    /** Evaluates the current network on every image of a split, and shows the result on the page. */
    evaluate(split: "validation" | "test", options?: TestTime | { run: string }): Promise<Evaluation>;

    /**
     * Classifies one image with the current network; resolves to all classes, most probable first. A `"photo"` (the default)
     * is cropped and scaled like the dataset's images; a `"drawing"`, dark or light strokes on an even background, is cropped,
     * scaled and centered like the dataset's images.
     */
    classify(image: ImageSource, options?: { kind?: "photo" | "drawing" } & TestTime): Promise<ClassProbability[]>;

    /**
     * Classifies images one after another; zip archives are unpacked. Below `threshold`, by default 0, an image is of none of the
     * classes.
     */
    classifyFiles(files: readonly File[] | FileList, options?: { threshold?: number } & TestTime): Promise<ClassifiedFiles>;

    /**
     * Loads the model of a kept run as the current one, loading its dataset if necessary. Rejects if its weights are not
     * kept, or while a run is in progress.
     */
    openRun(id: string): Promise<void>;
    /**
     * A kept run as one file: its weights as safetensors, with the run in their metadata. `importRun` and the command line
     * read it. Rejects if its weights are not kept.
     */
    exportRun(id: string): Promise<Blob>;
    /**
     * Keeps the runs of a file from `exportRun`, from the page's export or from the command line; resolves to their ids. Runs
     * that are kept already stay as they are.
     */
    importRun(file: Blob): Promise<string[]>;
    /** The runs kept in this browser, earlier visits included, the oldest first. */
    runs(): Promise<KeptRun[]>;

    /**
     * The network of a run as a file for other tools, by default of the run in view, which must have ended; another run is
     * opened first, as by `openRun`. The file is run again before the promise resolves. Rejects with `CannotExport` if the
     * format lacks a layer, or if a probability differs by more than 1e-4. In the formats in int8, the layers of `floatLayers`
     * stay in floats, each by its path: `"3"`, or `"3.layers.1"` in a block.
     */
    export(format: ExportFormat, options?: { run?: string; floatLayers?: readonly string[] }): Promise<Blob>;
    /**
     * What a run's network costs, in floats and quantized to int8: size, work, memory, time and accuracy. By default the run in
     * view; another run is opened first, as by `openRun`.
     */
    cost(options?: { run?: string }): Promise<Cost>;
    /**
     * Accuracy, size and speed of a run's network with fewer and fewer channels or weights, before any further training. By default
     * the run in view, and channels. The listener receives each point.
     */
    pruningCurve(
      options?: { run?: string; of?: "channels" | "weights" },
      onPoint?: (point: PruningPoint) => void,
    ): Promise<PruningPoint[]>;
    /**
     * Fine-tunes a run's network, by default that of the run in view, with fewer channels or weights, as a run of its own; resolves as
     * `train` does. Channels with the smallest weights are removed before; the smallest weights become zero gradually. `keep` is
     * the fraction that stays, 0.5 by default; `epochs` is 1 by default.
     */
    prune(
      options?: { run?: string; of?: "channels" | "weights"; keep?: number; epochs?: number },
      onEvent?: (event: RunEvent) => void,
    ): Promise<Report>;
    /**
     * Keeps the network of a file as a run and makes it the current one; resolves to the run's id. The file is an export as
     * `"safetensors"` (the zip, or its files) or `"onnx"`, ONNX of other tools, or a run from `exportRun`. Networks of other
     * tools expect pixels as `(value / 255 - mean) / std`, by default with 0.5 and 0.5. Rejects with `BadFile`, naming the node
     * or tensor that is why, or with `NoDataset` if there is no dataset with such images and classes.
     */
    import(
      model: Blob | readonly File[] | FileList,
      options?: { mean?: number | readonly number[]; std?: number | readonly number[] },
    ): Promise<string>;

    /** The projects of own images in this browser, the oldest first. */
    projects(): Promise<Project[]>;
    /** Makes a project with these classes and opens it in the page; resolves to its id. */
    createProject(name: string, classes?: readonly string[]): Promise<string>;
    addClass(project: string, name: string): Promise<void>;
    /**
     * Keeps images in a project: files for each class, by its name; those of `""` have no label. Files below `train`, `validation` or
     * `test` stay in that split. Of videos, five frames a second are kept. A class that is not there is added.
     */
    addImages(project: string, files: Record<string, Files | Partial<Record<"train" | "validation" | "test", Files>>>): Promise<AddedImages>;
    /** Decides about an image that `findLabelErrors` found; the page's Undo takes it back. */
    reviewImage(project: string, decision: ImageDecision): Promise<void>;
    /** Makes a project's images the page's current dataset. Images that belong together stay in one split. */
    useProject(project: string, options?: { split?: Partial<Split>; images?: ImageReading }): Promise<Dataset>;
    /** A project as a zip: `project.json`, the images as ordinary files in a folder for each class, and the kept runs on them. */
    exportProject(project: string): Promise<Blob>;
    /** Makes a project of a file from `exportProject`, or of a zip with a folder for each class; resolves to its id. */
    importProject(file: Blob): Promise<string>;
    deleteProject(project: string): Promise<void>;
  }

  type Files = readonly File[] | FileList;

  interface Project {
    id: string;
    name: string;
    /** In ms since 1970. */
    createdAt: number;
    /** `images` is their number; a class that `isOff` stays out of the dataset. */
    classes: { name: string; images: number; isOff: boolean }[];
  }

  interface AddedImages {
    added: number;
    leftOut: { file: string; reason: string }[];
  }

  /** What a network costs. */
  interface Cost {
    parameters: number;
    /** FLOPs of the forward pass per image. */
    flops: number;
    /** Of all activations of one image. */
    activationBytes: number;
    /** Accuracy on validation images. */
    accuracy: number;
    /** Number of these images. */
    images: number;
    /** In batches of up to 32 images; on a CPU, on one thread. */
    msPerImage: number;
    int8: {
      /** Size of the ONNX file. */
      bytes: number;
      /** In batches of up to 32 images, on one thread. */
      msPerImage: number;
      /** Number of test images. */
      images: number;
      /** Fraction of the test images with the same prediction in int8 as in floats. */
      agreement: number;
      /** Accuracy on the test images in int8, and in floats. */
      accuracy: number;
      floatAccuracy: number;
    };
  }

  /** A network with fewer channels or weights. */
  interface PruningPoint {
    /** Fraction of the channels, or of the weights, that each layer keeps. */
    keep: number;
    /** Those that are not zero. */
    parameters: number;
    /** Four for each parameter that is not zero and, where some weights are, one bit per weight to mark which remain. */
    bytes: number;
    /** FLOPs of the forward pass per image. */
    flops: number;
    /** Accuracy on validation images. */
    accuracy: number;
    /** Number of these images. */
    images: number;
    /** In batches of up to 32 images; on a CPU, on one thread. */
    msPerImage: number;
  }

  /** `"safetensors"`, `"tfjs"` and `"module"` are zip archives. */
  type ExportFormat = "page" | "onnx" | "onnx-int8" | "tflite" | "tflite-int8" | "tfjs" | "safetensors" | "module";

  interface TestTime {
    /**
     * Whether to average the probabilities over several views of each image: unchanged, translated, and, unless the classes
     * are digits or letters, flipped.
     */
    testTimeAugmentation?: boolean;
  }

  /** Anything that `createImageBitmap` accepts. */
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
    /** The GPU as the browser names it, or `"SIMD"`, with the number of threads if there are several. */
    adapter: string;
    /** How many threads compute on the CPU; 1 on a GPU. */
    threads: number;
    /** Why this engine was chosen; docs/api.md explains each. */
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
    /** Identifies the message format between page and engine. */
    build: string;
  }

  interface Dataset {
    /** The id of a served dataset; for one loaded from files, derived from their contents, such as `"files-3f9a1c07"`. */
    id: string;
    name: string;
    /** Class names; elsewhere, a class is its index in this list. */
    classes: string[];
    counts: { train: number; validation: number; test: number };
    shape: { channels: number; height: number; width: number };
    /** Whether the dataset comes with its own test set. */
    hasStandardTest: boolean;
    /** What became of image files; null for any other dataset. */
    import: ImageImport | null;
  }

  /** What to make of image files. What is omitted is chosen by the images. */
  interface ImageReading {
    /** Height and width in pixels, 8 to 256. */
    size?: number;
    /** 1 for grayscale, 3 for RGB. */
    channels?: 1 | 3;
    /** The largest centered square, or the whole image between two bars. */
    framing?: "centerCrop" | "letterbox";
  }

  interface ImageImport {
    /** Files that are images by their names. */
    files: number;
    nLeftOut: number;
    /** The first 200 files that are not in the dataset. */
    leftOut: { file: string; reason: string }[];
    /** Images whose file is a copy of another one's; copies are in one split. */
    duplicates: number;
    /** The first 200 of them, each with the file that it is a copy of. */
    copies: { file: string; of: string }[];
    /** Images that look like an earlier one, though their files differ. */
    nearDuplicates: number;
    /** Images whose file is also in another class. */
    contradictions: number;
    /** Images that stay in the split that their files came in. */
    given: number;
    /** Images that came for validation or test, and are, or look like, images that came for another split. */
    leaked: number;
    /** Images with transparent pixels, which were laid on white or on black. */
    onWhite: number;
    onBlack: number;
    /** Whether the files came with a validation set. */
    hasStandardValidation: boolean;
  }

  interface Split {
    /** Fraction of the images outside the test set that is held out for validation, 0 to 0.5. */
    validationFraction: number;
    /** Fraction of all images that becomes the test set, 0 to 0.5; ignored if the dataset has a standard test set. */
    testFraction: number;
    /** An integer, 0 to 4294967295. */
    seed: number;
  }

  interface TrainConfig {
    /** A preset id, which also sets the values of omitted keys, or a network as data. */
    network?: string | Network;
    /** Passes over the training set, 1 to 10000. */
    epochs?: number;
    /** Ends the run after this many steps, 1 to 4294967295. */
    maxSteps?: number | null;
    /** Images per step, 1 to 4096. */
    batchSize?: number;
    /** η in `θ ← θ − η∇L − ηλθ`, above 0 to 1e9; the base rate of the schedule. */
    learningRate?: number;
    /** λ in `θ ← θ − η∇L − ηλθ`, 0 to 1e9; must be less than 1 divided by the learning rate. */
    weightDecay?: number;
    /** Decoupled weight decay, or an L2 penalty added to the gradient. */
    decay?: "decoupled" | "l2";
    /** PyTorch's definitions and defaults, except for a momentum of SGD of 0.9. */
    optimizer?: OneOf<Optimizers>;
    /** Shorthand for the momentum of SGD, RMSProp or Muon. */
    momentum?: number;
    loss?: OneOf<Losses>;
    schedule?: OneOf<Schedules>;
    /** Gradient clipping, the max 2-norm of the gradient over all parameters, above 0 to 1e9. */
    clipNorm?: number | null;
    /** Gradient accumulation, the batches per update, whose gradients are averaged, 1 to 1000. */
    batchesPerUpdate?: number;
    /**
     * Decay of an exponential moving average of the weights, 0 to below 1; the average is evaluated and kept in their place.
     */
    emaDecay?: number | null;
    /** Learning rate of layers with pre-trained weights, as a multiple of the others', above 0 to 100. */
    pretrainedRateShare?: number;
    earlyStopping?: Partial<EarlyStopping> | null;
    /** Data augmentation of the training images. */
    augment?: Partial<Augment>;
    /** Adversarial training. Labels stay. */
    adversarial?: Partial<Adversarial> | null;
    /** Knowledge distillation from the `teacher` of `train`. */
    distillation?: Partial<Distillation> | null;
    /** Magnitude pruning during the run: weights become zero and stay so. */
    sparsity?: Partial<Sparsity> | null;
    /** Seeds the initial weights, the batch order, dropout, augmentation and attacks. An integer, 0 to 4294967295. */
    seed?: number;
    /** If given, as in the config of another run, it must be the current dataset's. */
    dataset?: string;
    /** If given, as in the config of another run, it must be the current dataset's. */
    split?: Split;
  }

  interface CurrentRun {
    state: "preparing" | "training" | "paused" | "finished" | "failed";
    /** Steps done. */
    step: number;
    /** Complete; `train` accepts it unchanged while the dataset and its split are the same. */
    config: TrainConfig;
  }

  type Advice = {
    /** The problem with its figures, in the page's language. */
    sentence: string;
    /** What to try, in the page's language. */
    remedy: string;
  } & (
    | {
        kind: "rateTooHigh";
        learningRate: number;
        /** The training loss fell and rose again, or it jumped and stays no better than chance. */
        sign:
          | { rose: { lowestLoss: number; lowestStep: number; loss: number } }
          | { jumped: { highestLoss: number; highestStep: number; loss: number; guessLoss: number } };
      }
    | { kind: "rateTooLow"; learningRate: number; firstLoss: number; loss: number; steps: number }
    /** `sinceEpoch` counts from 0; `lowestLoss` and `loss` are validation losses. */
    | { kind: "overFitting"; sinceEpoch: number; lowestLoss: number; loss: number; trainLossThen: number; trainLoss: number }
    /** `layer` is the index in the network, from 0; `share` is the fraction of units or outputs. */
    | { kind: "deadUnits"; layer: number; share: number }
    | { kind: "saturatedOutputs"; layer: number; share: number }
    | { kind: "unbalancedClasses"; largest: number; largestCount: number; smallest: number; smallestCount: number }
  );

  interface InterruptedRun {
    /** Steps done, of `totalSteps`. */
    step: number;
    /** Null if the run was interrupted before its first step. */
    totalSteps: number | null;
    /** Milliseconds since 1970, UTC. */
    savedAt: number;
    config: TrainConfig;
  }

  /** A name, or an object with a name as its only key and any of its fields. */
  type OneOf<Kinds> = keyof Kinds | { [Name in keyof Kinds]: { [Key in Name]: Partial<Kinds[Key]> } }[keyof Kinds];

  interface Optimizers {
    sgd: {
      /** 0 to below 1. */
      momentum: number;
      /** Nesterov momentum; needs a momentum above 0. */
      nesterov: boolean;
    };
    adam: Adam;
    /** Adam with weight decay that is always decoupled. */
    adamW: Adam;
    rmsProp: {
      /** Smoothing constant, 0 to below 1. */
      alpha: number;
      /** Added to the denominator for numerical stability, above 0 to 1. */
      epsilon: number;
      /** 0 to below 1. */
      momentum: number;
      centered: boolean;
    };
    adagrad: {
      /** Added to the denominator for numerical stability, above 0 to 1. */
      epsilon: number;
    };
    lion: {
      /** 0 to below 1. */
      beta1: number;
      /** 0 to below 1. */
      beta2: number;
    };
    /** Keller Jordan's Muon, for weights; biases and norms use AdamW. */
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
    /** Added to the denominator for numerical stability, above 0 to 1. */
    epsilon: number;
  }

  interface Losses {
    crossEntropy: {
      /** Fraction of the target that is spread evenly over all classes, 0 to below 1. */
      labelSmoothing: number;
      classWeights: "none" | "balanced" | { given: number[] };
    };
    /** For two classes, on the second logit minus the first. */
    binaryCrossEntropy: Record<string, never>;
    /** Between softmax probabilities and one-hot targets. */
    meanSquaredError: Record<string, never>;
  }

  interface Schedules {
    constant: Record<string, never>;
    /** PyTorch's `StepLR`. */
    step: {
      /** Epochs between reductions, 1 to 10000. */
      epochs: number;
      /** Factor that the rate is multiplied by, above 0 to 1. */
      factor: number;
    };
    /** PyTorch's `ExponentialLR`. */
    exponential: {
      /** Factor that the rate is multiplied by after each epoch, above 0 to 1. */
      factor: number;
    };
    cosine: {
      /** Steps of linear warm-up, 0 to 4294967295. */
      warmUpSteps: number;
      /** Min learning rate, 0 to 1e9. */
      leastRate: number;
    };
    /** PyTorch's `OneCycleLR`. */
    oneCycle: {
      /** Fraction of the steps in which the rate rises, 0 to 1. */
      rise: number;
      /** The base rate divided by the start rate, 1 to 1e9. */
      startDivisor: number;
      /** The start rate divided by the final rate, 1 to 1e9. */
      endDivisor: number;
    };
    /** PyTorch's `ReduceLROnPlateau`, on the validation loss. */
    plateau: {
      /** Factor that the rate is multiplied by, above 0 to 1. */
      factor: number;
      /** Epochs, 0 to 10000. */
      patience: number;
      /** Min relative improvement of the loss, 0 to below 1. */
      threshold: number;
      /** Epochs, 0 to 10000. */
      cooldown: number;
      /** Min learning rate, 0 to 1e9. */
      leastRate: number;
    };
  }

  interface EarlyStopping {
    metric: "validationLoss" | "validationAccuracy";
    /** Epochs in a row without an improvement after which the run ends, 1 to 10000. */
    patience: number;
    /** Min delta that counts as an improvement, 0 to 1e9. */
    leastImprovement: number;
  }

  /** Strengths; 0 turns an augmentation off. docs/api.md explains each. */
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

  interface Distillation {
    /** T, which softens both predictions, 1 to 100. */
    temperature: number;
    /** α, the weight of the teacher's predictions against that of the labels, 0 to 1. */
    weight: number;
  }

  interface Sparsity {
    /** Fraction of each layer's weights that are zero in the end, 0 to below 1. */
    target: number;
    /** Fraction of the run's steps during which the sparsity rises, 0 to 1. */
    ramp: number;
  }

  interface Adversarial {
    /** One step of size ε, or projected gradient descent. */
    method: OneOf<{
      fgsm: Record<string, never>;
      pgd: {
        /** 1 to 100. */
        steps: number;
        /** Step size, a fraction of the pixel range, above 0 to 1. */
        stepSize: number;
      };
    }>;
    /** ε, the max change of a pixel as a fraction of the pixel range, above 0 to 1. */
    strength: number;
    /** Fraction of each batch that is attacked, 0 to 1. */
    share: number;
  }

  interface Network {
    name: string;
    /** The input shape and the number of classes come from the dataset. At most 250 layers, those in blocks included. */
    layers: Layer[];
    /**
     * Weight initialization: each layer's default in PyTorch (the default), He or Xavier uniform with biases of 0, or all 0.
     * Norms always start as the identity.
     */
    init?: "pytorch" | "he" | "xavier" | "zeros";
    /** Published weights that the layers start with, as far as they are those of the published network. */
    pretrained?: "efficientnet-lite0" | null;
    /**
     * How many layers are frozen, counted from the first: training leaves them as they are, and they compute as in inference. A frozen batch
     * norm without pre-trained statistics takes those of the training images.
     */
    frozen?: number;
  }

  /**
   * A layer with PyTorch's definition. Between layers flow feature maps (channels × height × width), a sequence (length ×
   * features), or a vector. The input is feature maps; the output layer, `classifier`, takes a vector and outputs the logits.
   */
  type Layer =
    /** Feature maps to feature maps. */
    | { conv: Conv }
    /** One filter per channel. */
    | { depthwiseConv: Omit<Conv, "filters" | "groups"> }
    /** Feature maps or a vector. */
    | "batchNorm"
    /** Feature maps. */
    | { groupNorm: { groups: number } }
    /** Over the features of each item of a sequence, or a vector; on feature maps, a group norm with one group. */
    | "layerNorm"
    | { activation: "relu" | "relu6" | "leakyRelu" | "gelu" | "silu" | "tanh" | "sigmoid" }
    | { maxPool: { size: number; stride: number } }
    | { averagePool: { size: number; stride: number } }
    /** Feature maps or a sequence to a vector: one value per channel or feature. */
    | "globalAveragePool"
    | "globalMaxPool"
    /** 0 to below 1. */
    | { dropout: { rate: number } }
    /** Drops whole channels of feature maps. */
    | { spatialDropout: { rate: number } }
    /** Feature maps or a sequence to a vector. */
    | "flatten"
    /** A vector, or each item of a sequence. */
    | { linear: { units: number; bias: boolean } }
    /** Adds its input to the output of its layers, projected where they change the shape. Nests at most 4 deep. */
    | { residual: { layers: Layer[] } }
    /** The global average of its input, followed by the output of its layers, which must end in a vector. */
    | { pooledSkip: { layers: Layer[] } }
    /** Bilinear interpolation of feature maps to a square of this side. */
    | { resize: { size: number } }
    /** MobileNet's block: a depthwise and a 1x1 convolution, each with batch norm and ReLU. */
    | { depthwiseSeparable: { filters: number; kernel: number; stride: number } }
    | { squeezeExcitation: { ratio: number } }
    /** Feature maps to the sequence of their rows. */
    | "rows"
    /** A sequence to its last hidden state, a vector, or to all of them, a sequence. */
    | { lstm: { units: number; states?: "last" | "all" } }
    | { gru: { units: number; states?: "last" | "all" } }
    /** Feature maps to a sequence of square patches. */
    | { patchEmbedding: { size: number; features: number } }
    /** Adds a learned positional embedding to a sequence. */
    | "positionEmbedding"
    /** Pre-norm, GELU; `heads` divides the features. */
    | { transformerBlock: { heads: number; mlpRatio: number; dropout?: number } }
    /** The last layer: linear, one logit per class. */
    | { classifier: { bias: boolean } };

  interface Conv {
    filters: number;
    kernel: number;
    stride: number;
    padding: "valid" | "same";
    /** Spacing of the kernel's cells; defaults to 1. */
    dilation?: number;
    /** Divides channels and filters; defaults to 1. */
    groups?: number;
    bias: boolean;
  }

  type RunEvent =
    | {
        kind: "preparing";
        stage: "buildingNetwork" | "compilingKernels" | "loadingWeights" | "computingFeatures";
        /** Of `loadingWeights`. */
        receivedBytes?: number;
        totalBytes?: number;
        /** Of `computingFeatures`: images. */
        done?: number;
        total?: number;
        imagesPerSecond?: number;
      }
    /** The first step is about to start. */
    | { kind: "started"; stepsPerEpoch: number; totalSteps: number; parameters: number }
    | Progress
    | ({ kind: "epoch" } & EpochReport)
    /** Predictions for the dataset's sample images, at most once a second. */
    | { kind: "samples"; predictions: Prediction[] }
    /** Only while `watch` is on: at most once a second, and at most 3 % of the time. */
    | { kind: "layers"; step: number; layers: LayerReport[] }
    | { kind: "paused"; step: number }
    | { kind: "resumed" }
    /** The run can resume from this step after a reload; see `resumeRun`. */
    | { kind: "checkpoint"; step: number }
    /** The final weights are kept; right before `finished`. */
    | { kind: "weights"; bytes: number }
    /** `adjust` has taken effect: the values from this step on. */
    | ({ kind: "adjusted" } & Adjustment)
    | ({ kind: "finished" } & RunReport)
    | { kind: "failed"; name: FailureName; message: string };

  /** A layer that has parameters or is an activation; null where a value does not apply. */
  interface LayerReport {
    /** Index in the network's list of layers. A block counts as one layer. */
    index: number;
    /** After the update. */
    weights: Histogram | null;
    /** Mean over the batch, before clipping. */
    gradients: Histogram | null;
    /** Outputs for up to 64 validation images, in inference mode. */
    activations: Histogram | null;
    gradientNorm: number | null;
    /** ‖Δθ‖ / ‖θ‖. */
    updateRatio: number | null;
    /** Units of a ReLU whose output is 0 for all of those images. */
    deadUnits: { count: number; total: number } | null;
    /** Fraction of the outputs of a sigmoid or tanh within 1 % of either end of its range. */
    saturated: number | null;
  }

  /** Over all values, or an evenly spaced sample of about 4096. */
  interface Histogram {
    low: number;
    high: number;
    /** Counts of 32 equal bins from `low` to `high`. */
    counts: number[];
  }

  /** At most about ten times a second. */
  interface Progress {
    kind: "progress";
    /** Steps done. */
    step: number;
    /** Epoch in progress, from 0. */
    epoch: number;
    /** Loss of every step since the last progress, oldest first; null if it is not finite. */
    losses: (number | null)[];
    /** The last of `losses`. */
    loss: number | null;
    /** Fraction of the images of each of those steps that were classified correctly. */
    accuracies: number[];
    /** That of all those steps together. */
    accuracy: number;
    /** That of step `step`. */
    learningRate: number;
    imagesPerSecond: number;
    /** Time since the first step, pauses excluded. */
    elapsedMs: number;
    remainingMs: number;
  }

  interface EpochReport {
    /** From 0. */
    epoch: number;
    /** Steps done at its end. */
    step: number;
    /** Mean of the minimized loss over the epoch's steps; null if it is not finite. */
    trainLoss: number | null;
    trainAccuracy: number;
    /** Mean cross-entropy; null without a validation split, as is the accuracy, and if it is not finite. */
    validationLoss: number | null;
    validationAccuracy: number | null;
    /** Whether this is the best epoch so far, by validation accuracy or by the metric of early stopping. */
    isBest: boolean;
    elapsedMs: number;
  }

  interface RunReport {
    ending: "completed" | "stepLimit" | "stopped" | "earlyStopped";
    /** Steps done. */
    steps: number;
    /** The epoch whose weights are kept; null if no epoch was completed, in which case the last weights are kept. */
    best: EpochReport | null;
    /** Whether the evaluated and kept weights are the moving average (`emaDecay`). */
    isAveraged: boolean;
    elapsedMs: number;
  }

  /** At most about ten times a second. */
  interface RateEvent {
    kind: "points";
    /** Fraction of the test that is done. */
    fraction: number;
    /** New points since the last event. */
    points: RatePoint[];
  }

  interface FoldEvent {
    kind: "progress";
    /** Fraction of the whole that is done. */
    fraction: number;
    /** The fold whose network is trained, from 0; null while outputs of frozen layers are computed. */
    fold: number | null;
    folds: number;
    imagesPerSecond: number;
    remainingMs: number | null;
  }

  interface LabelErrors {
    /** The first 1,000, the clearest first. */
    errors: LabelError[];
    /** All of them. */
    count: number;
    /** Images that were predicted. */
    images: number;
    /** How many of them are test images, which no network has learned. */
    testImages: number;
    /** Of the cross-validation, on the other images, 0 to 1. */
    accuracy: number;
    folds: number;
  }

  interface LabelError {
    /** Place in the dataset. */
    index: number;
    /** Id of the image file; null if the dataset was not made of image files. */
    image: string | null;
    label: string;
    suggested: string;
    /** Of the suggested class, by a network that was not trained on the image. */
    probability: number;
    labelProbability: number;
  }

  interface ImageChecks {
    /** The first 1,000. */
    flaws: {
      index: number;
      image: string | null;
      label: string;
      kind: FlawKind;
      /** The image that it looks like. */
      twin: { index: number; label: string } | null;
    }[];
    counts: Partial<Record<FlawKind, number>>;
    images: number;
    /** False if there were too many images to find near duplicates. */
    comparesAll: boolean;
  }

  type FlawKind = "contradiction" | "leak" | "copy" | "nearCopy" | "blank" | "dark" | "blurred";

  type ImageDecision =
    | { image: string; action: "keep" | "delete" }
    | { image: string; action: "relabel"; label: string };

  interface SearchOptions {
    /** What all trials share, as for `train`; `epochs` and `maxSteps` are those of a full run. */
    config?: TrainConfig;
    /**
     * The search space, by path, as in `"learningRate"`, `"optimizer.momentum"`, `"network.layers.2.conv.filters"`: a range,
     * or a list of choices. Optimizers, schedules and losses may be given as in `train`, networks by preset id.
     */
    space: { [path: string]: SearchRange | readonly unknown[] };
    /** Defaults to ASHA, asynchronous successive halving. */
    method?: "asha" | "random" | "grid";
    /** Number of trials, 1 to 200; defaults to 12. A grid has as many as it has points, at most 200. */
    trials?: number;
    /** Grid points per range, 2 to 50; defaults to 3. */
    points?: number;
    /** ASHA's reduction factor η, 2 to 10; defaults to 3. */
    factor?: number;
    /** ASHA's epochs at the first rung, 1 to 100; defaults to 1. */
    firstEpochs?: number;
    /** Epochs of a trial, 1 to 100; defaults to those of `config`. */
    epochs?: number;
    /** The objective; defaults to the validation accuracy. */
    metric?: "validationAccuracy" | "validationLoss";
    /** Limit for all trials together; defaults to none. */
    budget?: { steps?: number | null; minutes?: number | null };
    /** Seeds the draws: equal seeds draw equal trials. Defaults to 0. */
    seed?: number;
  }

  interface SearchRange {
    least: number;
    most: number;
    /** Defaults to `"linear"`. */
    scale?: "linear" | "log";
    /** Whether to draw integers only; defaults to whether the config's own value is one. */
    whole?: boolean;
  }

  interface Trial {
    /** From 0. */
    trial: number;
    /** `done`: trained to its last epoch; `cut`: pruned at a rung; `ended`: ended with the search or its budget. */
    state: "waiting" | "running" | "done" | "cut" | "ended" | { failed: FailureName };
    /** By path; paths that do not apply, such as a momentum with Adam, are missing. */
    values: { [path: string]: unknown };
    /** Best value of the search's metric so far. */
    best: number | null;
    epochs: { step: number; validationLoss: number | null; validationAccuracy: number }[];
    /** Steps done. */
    steps: number;
    elapsedMs: number;
    /** Its hyperparameters at the length of a full run; `train` accepts it unchanged. */
    config: TrainConfig;
  }

  interface SearchReport {
    ending: "allTried" | "budgetSpent" | "stopped";
    /** Null if no trial completed an epoch. */
    best: Trial | null;
    trials: Trial[];
    /**
     * By path, the fraction of the metric's variance that a hyperparameter explains by itself, 0 to 1; null if there are too
     * few trials.
     */
    importance: { [path: string]: number | null };
    /** Of all trials. */
    steps: number;
    elapsedMs: number;
  }

  interface RateTest {
    /** By rising rate, up to where the loss diverged. */
    points: RatePoint[];
    /** The proposed learning rate; null if the loss never fell. */
    proposed: number | null;
  }

  interface RatePoint {
    learningRate: number;
    /** Smoothed. */
    loss: number;
  }

  interface Report extends RunReport {
    epochs: EpochReport[];
  }

  /** The values in force after a step. */
  interface Adjustment {
    step: number;
    /** The base rate of the schedule. */
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
    /** Complete; `train` accepts it unchanged on the same dataset and split. */
    config: TrainConfig;
    /** Number of trainable parameters; null if the run failed before they were known. */
    parameters: number | null;
    /** Steps done. */
    steps: number;
    /** Pauses excluded. */
    elapsedMs: number;
    /** `"imported"`: its network came from a file, and nothing was trained. */
    ending: "completed" | "stepLimit" | "stopped" | "earlyStopped" | "replaced" | "imported" | { failed: FailureName };
    /** The epoch whose weights were kept; null if no epoch was completed. */
    best: EpochReport | null;
    epochs: EpochReport[];
    /** Changes made by `adjust` or on the page. */
    adjustments: Adjustment[];
    /** On the test set, if it was evaluated after the run ended, or after `openRun`. */
    test: { loss: number | null; accuracy: number } | null;
    /** `"gpu"` is a GPU used by the command line. */
    environment: { engine: "webgpu" | "cpu" | "gpu" | null; adapter: string; userAgent: string; build: string };
    /** Input and classes of the network; null in runs of older versions. */
    input: {
      shape: { channels: number; height: number; width: number };
      classes: string[];
      /** How the images are drawn: scenes, or figures on an even background. */
      style: "scene" | { figure: object };
    } | null;
    /** The id of the run from whose weights it continued. */
    continuedFrom: string | null;
    /** Size of its weights; null if they are not kept, in which case `openRun` rejects. */
    weightsBytes: number | null;
    /** Given by the visitor; may be empty. */
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
    /** The last step in the point. */
    step: number;
    /** Mean over the steps in the point. */
    value: number;
  }

  interface Prediction {
    /** Index in the dataset. */
    index: number;
    /** The true class. */
    label: number;
    /** The most probable class. */
    predicted: number;
    /** Probability of `predicted`. */
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
    /** The 95 % confidence interval of the accuracy (Wilson), from low to high; null for no images. */
    accuracyInterval: [number, number] | null;
    /** The highest probability that 95 % of the correct predictions reach; null without a correct one. */
    threshold: number | null;
    /** `confusion[label][predicted]` counts images. */
    confusion: number[][];
    perClass: ClassFigures[];
  }

  interface ClassFigures {
    label: string;
    /** Null if no image was predicted to be of this class. */
    precision: number | null;
    /** Null if the split has no image of this class. */
    recall: number | null;
    /** Harmonic mean of precision and recall; null if both are. */
    f1: number | null;
    /** Support: images of this class in the split. */
    count: number;
  }

  interface ClassifiedFiles {
    images: {
      /** Its path in the folder or the archive, or its name. */
      file: string;
      /** Null if the probability is below the threshold. */
      label: string | null;
      /** Of the most probable class. */
      probability: number;
      /** The three most probable classes. */
      classes: ClassProbability[];
    }[];
    leftOut: { file: string; reason: string }[];
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
    | "OneClass"
    | "TooFewImages"
    | "NoDataset"
    | "NoNetwork"
    | "BadNetwork"
    | "BadConfig"
    | "BadImage"
    | "CannotExport"
    | "LossNotFinite"
    | "OutOfMemory"
    | "NoWebGpu"
    | "GpuError"
    | "DeviceLost"
    | "EngineCrashed"
    | "BuildMismatch"
    | "Canceled"
    | "NoProject"
    | "StorageFull"
    | "StorageRefused";
}
