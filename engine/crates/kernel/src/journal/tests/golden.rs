//! What was written stays readable: the bytes of each variant of the format, as they were when it was made.
//!
//! A line that fails here means that journals of this version can no longer be read. Where none was published yet, run with
//! `INSTA_UPDATE=always` and read the difference; else raise `FORMAT_VERSION` and keep the old tables beside the new ones.

use super::{Lines, Sample};
use crate::journal::OutputsDigest;
use crate::{CoreSettings, Input};

#[test]
fn the_bytes_of_every_variant_stay_what_they_are() {
    let mut lines = Lines::default();
    Input::first().golden(&mut lines);
    CoreSettings::first().golden(&mut lines);
    OutputsDigest::first().golden(&mut lines);
    let text = lines.0.iter().map(|(name, bytes)| format!("{name} {bytes}\n")).collect::<String>();
    insta::assert_snapshot!(text);
}
