//! `cargo xtask test`: all tests, from the cheapest to the journeys through the built app.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::steps::Steps;
use crate::toolchain::Toolchain;
use crate::{browser, build, check, engines, judges, npm, process, setup};

pub fn test(places: &Places, steps: &mut Steps) -> Result<()> {
    check::fast(places, steps)?;
    steps.run("tests of the commands", || cargo_test(places, &["--package=xtask", "--features=bench"], &[]))?;
    // The judges are downloaded while the tests compile.
    let judges = std::thread::scope(|scope| {
        let installing = scope.spawn(|| judges::find_or_install(places));
        steps.run("tests, native", || cargo_test(places, check::HOST, &[]))?;
        steps.run("set-up of the judges", || {
            installing.join().unwrap_or_else(|_| bail!("installing the judges ended in a panic"))
        })
    })?;
    steps.run("judges of exported networks", || {
        let variables = judges.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        cargo_test(places, &[check::HOST, &["--test=judges"]].concat(), &variables)
    })?;

    let equipment = steps.run("set-up", || setup::for_building(places))?;
    steps.run("build", || build::build(places, &equipment))?;
    if !has_test_target(places, "journeys")? {
        println!("== journeys: Cargo.toml names no such test");
        return Ok(());
    }
    let kernels = steps.run("kernels, for the browser", || kernel_checks(places, &equipment.toolchain))?;
    let gpu_kernels = steps.run("GPU kernels, for the browser", || gpu_kernel_checks(places, &equipment.toolchain))?;
    let browser = steps.run("set-up of the browser", || browser::find_or_install(places))?;
    let axe = steps.run("set-up of axe", || {
        npm::AXE.install(places).context("nothing judges whether the page is accessible without axe, an npm package")
    })?;
    // Its own tests have built the command line.
    let program = places.host_target.join("debug").join(format!("kindling{}", std::env::consts::EXE_SUFFIX));
    let mut variables = vec![
        ("KINDLING_DIST", places.dist.as_os_str()),
        ("KINDLING_PROGRAM", program.as_os_str()),
        ("KINDLING_KERNELS", kernels.as_os_str()),
        ("KINDLING_GPU_KERNELS", gpu_kernels.as_os_str()),
        ("KINDLING_CHROMIUM", browser.chromium.as_os_str()),
        ("KINDLING_CHROMEDRIVER", browser.chromedriver.as_os_str()),
        ("KINDLING_AXE", axe.script().as_os_str()),
    ];
    if !equipment.can_build_threads {
        variables.push(("KINDLING_WITHOUT_THREADS", "1".as_ref()));
    }
    let journeys = |options: [&str; 2]| {
        let test = ["--test=journeys", "--features=kindling/journeys", "--"];
        cargo_test(places, &[check::HOST, &test, &options].concat(), &variables)
    };
    // Two at once, because each leaves a core idle while its browser starts and its page waits. Races measure time, so they run alone.
    steps.run("journeys", || journeys(["--test-threads=2", "--skip=race::"]))?;
    steps.run("journeys that measure time", || journeys(["--test-threads=1", "race::"]))
}

/// Builds the module that checks the kernels in a browser, and returns its file.
fn kernel_checks(places: &Places, toolchain: &Toolchain) -> Result<PathBuf> {
    build::kernel_example("check", places, toolchain)
}

/// Builds the page that checks the GPU's kernels in a browser, and returns its folder.
fn gpu_kernel_checks(places: &Places, toolchain: &Toolchain) -> Result<PathBuf> {
    let folder = places.wasm_target.join("gpu_check");
    engines::GPU_CHECK.build_into(&folder, places, toolchain)?;
    std::fs::write(folder.join("index.html"), include_str!("gpu_check.html"))?;
    std::fs::write(folder.join("start.js"), include_str!("gpu_check.js"))?;
    Ok(folder)
}

fn cargo_test(places: &Places, options: &[&str], variables: &[(&str, &std::ffi::OsStr)]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.arg("test").args(options).envs(variables.iter().copied()).current_dir(&places.root);
    process::run(&mut cargo, "the lines above say which test and why")
}

/// Whether the package has an integration test of this name.
fn has_test_target(places: &Places, name: &str) -> Result<bool> {
    let metadata = process::read(
        Command::new("cargo").args(["metadata", "--no-deps", "--format-version=1"]).current_dir(&places.root),
    )
    .context("`cargo metadata` failed: run it to see why")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut targets = packages.iter().flat_map(|package| package["targets"].as_array().into_iter().flatten());
    Ok(targets.any(|target| target["name"] == name && target["kind"][0] == "test"))
}
