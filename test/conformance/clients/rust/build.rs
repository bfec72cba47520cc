//! Hands the compiler's version to the client, which tells it as its runtime.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").expect("cargo sets RUSTC");
    let said = Command::new(compiler)
        .arg("--version")
        .output()
        .expect("rustc runs");
    println!(
        "cargo::rustc-env=RUSTC_VERSION={}",
        String::from_utf8_lossy(&said.stdout).trim()
    );
    println!("cargo::rerun-if-changed=build.rs");
}
