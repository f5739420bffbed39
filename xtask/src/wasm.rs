//! Checks built wasm for a trap of the linker that makes every call into the engine many times slower.

use std::collections::HashMap;

use anyhow::{Context, Result};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

/// The fraction of a module's exported functions that first run all static constructors, 0 to 1.
///
/// A linker that takes a module for a command wraps each export: constructors first, then the function itself. cubecl registers its
/// vocabulary in constructors, and a training step that ran them at each call took 500 ms instead of 8. A module that calls
/// `__wasm_call_ctors` itself is not wrapped. Names are stripped, so wrappers are recognized by their code: they all begin with a call
/// of the same function, which has no parameters and no results, and otherwise only pass on their arguments.
pub fn fraction_of_wrapped_exports(wasm: &[u8]) -> Result<f64> {
    let module = Module::parse(wasm)?;
    let mut n_exports = 0;
    let mut first_calls = HashMap::<u32, usize>::new();
    for &export in &module.exported_functions {
        let Some(first) =
            export.checked_sub(module.n_imported_functions).and_then(|own| module.bodies.get(own as usize))
        else {
            continue;
        };
        n_exports += 1;
        if let Some(callee) = first.filter(|&callee| module.is_nullary(callee)) {
            *first_calls.entry(callee).or_default() += 1;
        }
    }
    // A single export that begins like this does not count: it may be the start function, which has to call the constructors.
    let n_wrapped = first_calls.into_values().max().filter(|&n_calls| n_calls > 1).unwrap_or(0);
    Ok(if n_exports == 0 { 0.0 } else { n_wrapped as f64 / n_exports as f64 })
}

#[derive(Default)]
struct Module {
    n_imported_functions: u32,
    /// For each type, whether it has no parameters and no results.
    nullary_types: Vec<bool>,
    /// The type of each function, imported ones first.
    function_types: Vec<u32>,
    exported_functions: Vec<u32>,
    /// For each function of the module's own that only calls others, the first that it calls.
    bodies: Vec<Option<u32>>,
}

impl Module {
    fn parse(wasm: &[u8]) -> Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.context("the built file is no WebAssembly module")? {
                Payload::TypeSection(types) => {
                    for function in types.into_iter_err_on_gc_types() {
                        let function = function?;
                        module.nullary_types.push(function.params().is_empty() && function.results().is_empty());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if let TypeRef::Func(kind) = import?.ty {
                            module.function_types.push(kind);
                            module.n_imported_functions += 1;
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    for kind in functions {
                        module.function_types.push(kind?);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            module.exported_functions.push(export.index);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    module.bodies.push(first_call(&body)?);
                }
                _ => {}
            }
        }
        Ok(module)
    }

    fn is_nullary(&self, function: u32) -> bool {
        let kind = self.function_types.get(function as usize);
        kind.and_then(|&kind| self.nullary_types.get(kind as usize)).copied().unwrap_or(false)
    }
}

/// The function that is called first, if the body only calls functions with the caller's own arguments.
fn first_call(body: &FunctionBody) -> Result<Option<u32>> {
    let mut operators = body.get_operators_reader()?;
    let Operator::Call { function_index } = operators.read()? else { return Ok(None) };
    while !operators.eof() {
        if !matches!(operators.read()?, Operator::Call { .. } | Operator::LocalGet { .. } | Operator::End) {
            return Ok(None);
        }
    }
    Ok(Some(function_index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: f64) {
        assert_eq!(fraction_of_wrapped_exports(&wat::parse_str(source).unwrap()).unwrap(), expected);
    }

    #[test]
    fn exports_wrapped_by_the_linker_are_seen() {
        check(
            r#"(module
                (import "page" "log" (func $log (param i32)))
                (func $constructors (call $log (i32.const 1)))
                (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
                (func $reset (call $log (i32.const 2)))
                (func $add_wrapped (param i32) (result i32) (call $constructors) (call $add (local.get 0)))
                (func $reset_wrapped (call $constructors) (call $reset))
                (export "add" (func $add_wrapped))
                (export "reset" (func $reset_wrapped)))"#,
            1.0,
        );
    }

    #[test]
    fn a_start_function_that_calls_the_constructors_itself_is_fine() {
        check(
            r#"(module
                (import "page" "log" (func $log (param i32)))
                (func $constructors (call $log (i32.const 1)))
                (func $start (call $constructors) (call $log (i32.const 3)))
                (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
                (export "log" (func $log))
                (export "start" (func $start))
                (export "add" (func $add)))"#,
            0.0,
        );
    }

    /// Like wasm-bindgen's descriptions, which are only for its own use.
    #[test]
    fn functions_that_do_more_than_hand_on_are_no_wrappers() {
        check(
            r#"(module
                (import "page" "describe" (func $describe (param i32)))
                (func $link)
                (func $one (call $link) (call $describe (i32.const 1)))
                (func $two (call $link) (call $describe (i32.const 2)))
                (export "one" (func $one))
                (export "two" (func $two)))"#,
            0.0,
        );
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(fraction_of_wrapped_exports(b"<!doctype html>").is_err());
    }
}
