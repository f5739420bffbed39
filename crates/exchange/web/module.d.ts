/** A class with its probability, 0 to 1. */
export interface ClassProbability {
  label: string;
  probability: number;
}

/** What can be classified: anything that a canvas can draw, or an image file. */
export type Picture = ImageData | Blob | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | ImageBitmap | OffscreenCanvas;

export class Classifier {
  /** In the order of the network's outputs. */
  readonly classes: string[];
  /** The classes of an image, most probable first; none where nothing can be seen. */
  classify(image: Picture, options?: { drawing?: boolean }): Promise<ClassProbability[]>;
  /** The largest difference between the probabilities that Kindling computed for a few images and those computed here. */
  check(): number;
}

/** A classifier from the address of a network.json, or from its content. */
export function load(source: string | URL | object): Promise<Classifier>;

/** The classes of an image, most probable first; the network, by default network.json beside this module, is fetched once. */
export function classify(image: Picture, source?: string | URL): Promise<ClassProbability[]>;
