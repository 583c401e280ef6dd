/// The version of this source tree.
let rondoVersion = "0.1.0"
