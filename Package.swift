// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors where CI is set. A user's newer compiler may warn about more and still builds.
let strict = Context.environment["CI"] != nil
let swiftSettings: [SwiftSetting] =
  [.swiftLanguageMode(.v6), .enableExperimentalFeature("Lifetimes")]
  + (strict ? [.treatAllWarnings(as: .error)] : [])
let cSettings: [CSetting] =
  [.enableWarning("all"), .enableWarning("extra")] + (strict ? [.treatAllWarnings(as: .error)] : [])

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// A module under `Sources/NAME`. The lists of dependencies below are the arrows of the module map in the README: they
/// point down only.
func module(_ name: String, on dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: swiftSettings)
}

/// The tests of module NAME, under `Tests/NAMETests`.
func tests(
  _ name: String, on dependencies: [Target.Dependency] = [], excluding files: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, exclude: files,
    swiftSettings: swiftSettings)
}

let package = Package(
  name: "Rondo",
  products: [
    .executable(name: "rondo", targets: ["rondo"]),
    .library(name: "MPI", targets: ["MPI"]),
    .library(name: "BLAS", targets: ["BLAS"]),
    .library(name: "Collectives", targets: ["Collectives"]),
    .library(
      name: "Rondo", targets: ["Graph", "NeuralNetwork", "Optimizers", "Datasets", "Checkpoints", "Training"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CKernels", cSettings: cSettings),
    .target(name: "CThreads", cSettings: cSettings),
    .target(name: "CSHA256", cSettings: cSettings),
    .target(name: "CDigits", exclude: ["README.md", "digits.bin"], cSettings: cSettings),

    module("MPI", on: ["COpenMPI"]),
    module("BLAS", on: ["COpenBLAS", "CThreads"]),
    module("Kernels", on: ["CKernels"]),
    module("Graph", on: ["BLAS", "Kernels"]),
    module("NeuralNetwork", on: ["Graph", "Kernels", "BLAS"]),
    module("Optimizers", on: ["Graph", "BLAS", "Kernels"]),
    module("Datasets", on: ["CDigits", "CZlib", "Kernels"]),
    module("Checkpoints", on: ["CSHA256"]),
    module("Collectives", on: ["MPI", "Kernels"]),
    module(
      "Training",
      on: [
        "Collectives", "Checkpoints", "Datasets", "Optimizers", "NeuralNetwork", "Graph", "MPI", "BLAS",
        "Kernels",
        "Yams", logging,
      ]),
    .executableTarget(
      name: "rondo",
      dependencies: ["Training", "Collectives", "Datasets", "MPI", "BLAS", argumentParser, logging],
      exclude: ["README.md"], swiftSettings: swiftSettings),

    .target(
      name: "MPITestSupport", dependencies: ["MPI"], exclude: ["README.md"], swiftSettings: swiftSettings),
    tests("MPI", on: ["MPITestSupport"]),
    tests("BLAS"),
    tests("Kernels"),
    tests("Graph"),
    tests("NeuralNetwork", on: ["BLAS", "Optimizers"], excluding: ["References"]),
    tests("Optimizers", excluding: ["References"]),
    tests("Datasets"),
    tests("Checkpoints", on: ["MPITestSupport"]),
    tests("Collectives", on: ["MPITestSupport"]),
    tests("Training", on: ["MPITestSupport"], excluding: ["References"]),
    tests("rondo", on: ["MPITestSupport"]),
  ],
  cLanguageStandard: .c11
)
