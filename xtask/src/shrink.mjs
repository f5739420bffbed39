// Makes wasm files smaller with Binaryen, many in one process, since the optimizer itself takes a second to become fast:
// node shrink.mjs BINARYEN FILE OUTPUT FILE OUTPUT …

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [library, ...files] = process.argv.slice(2);
const { default: binaryen } = await import(pathToFileURL(library).href);

// Only features that every browser with SIMD supports: with all features on, Binaryen writes types that no browser supports yet.
const { BulkMemory, BulkMemoryOpt, Multivalue, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt, SIMD128 } = binaryen.Features;
const FEATURES = BulkMemory | BulkMemoryOpt | Multivalue | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt | SIMD128;

// Rebuilding the control flow makes it smaller than any number of rounds without.
const PASSES = ["optimize-added-constants-propagate", "flatten", "rereloop"];

// Addresses below 1024 are the stack's last bytes.
binaryen.setLowMemoryUnused(true);
// As wasm-opt -Oz.
binaryen.setOptimizeLevel(2);
binaryen.setShrinkLevel(2);

for (let at = 0; at < files.length; at += 2) {
  const module = binaryen.readBinary(await readFile(files[at]));
  module.setFeatures(FEATURES);
  module.runPasses(PASSES);
  module.optimize();
  await writeFile(files[at + 1], module.emitBinary());
  module.dispose();
}
