//! The two kinds of table that the format is written down in. They do what a derive would, but for what a format needs: the
//! order of fields and the numbers of variants stand in the table, not in the declaration that somebody moves about.

/// How a structure is written: its fields in this order, which is part of the format. A field that is missing here does not
/// compile; a new one goes to the end, and with it comes a new format version.
macro_rules! encode_struct {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::journal::wire::Encode for $type {
            #[inline]
            fn encode(&self, to: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.encode(to);)*
            }
        }
    };
}

/// How a structure is written and read; for tests, also how one is made up.
macro_rules! wire_struct {
    ($type:ident { $($field:ident),* $(,)? }) => {
        $crate::journal::tables::encode_struct!($type { $($field),* });

        impl $crate::journal::wire::Decode for $type {
            #[inline]
            fn decode(
                from: &mut $crate::journal::wire::Bytes<'_>,
            ) -> Result<Self, $crate::journal::wire::Malformed> {
                $(let $field = $crate::journal::wire::Decode::decode(from)?;)*
                Ok(Self { $($field),* })
            }
        }

        #[cfg(test)]
        impl $crate::journal::tests::Sample for $type {
            fn sample(dice: &mut $crate::journal::tests::Dice) -> Self {
                $(let $field = $crate::journal::tests::Sample::sample(dice);)*
                Self { $($field),* }
            }

            fn first() -> Self {
                $(let $field = $crate::journal::tests::Sample::first();)*
                Self { $($field),* }
            }

            fn golden(&self, lines: &mut $crate::journal::tests::Lines) {
                if lines.add(stringify!($type), None, self) {
                    let Self { $($field),* } = self;
                    $($field.golden(lines);)*
                }
            }
        }
    };
}

/// How an enum is written: the number of the variant in one byte, then what it holds. The number is part of the format, so
/// that variants may be moved and added. A variant that is missing here does not compile; a new one gets the next number, and
/// one that is gone leaves its number unused.
macro_rules! encode_enum {
    ($type:ident { $($tag:literal = $variant:ident $({ $($field:ident),* $(,)? })? $(( $($item:ident),* ))?),* $(,)? }) => {
        impl $crate::journal::wire::Encode for $type {
            #[inline]
            fn encode(&self, to: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(($($item),*))? => {
                        to.push($tag);
                        $($($field.encode(to);)*)?
                        $($($item.encode(to);)*)?
                    })*
                }
            }
        }
    };
}

/// How an enum is written and read; for tests, also how one is made up.
macro_rules! wire_enum {
    ($type:ident { $($tag:literal = $variant:ident $({ $($field:ident),* $(,)? })? $(( $($item:ident),* ))?),* $(,)? }) => {
        $crate::journal::tables::encode_enum!($type {
            $($tag = $variant $({ $($field),* })? $(($($item),*))?),*
        });

        impl $crate::journal::wire::Decode for $type {
            #[inline]
            fn decode(
                from: &mut $crate::journal::wire::Bytes<'_>,
            ) -> Result<Self, $crate::journal::wire::Malformed> {
                match from.byte(stringify!($type))? {
                    $($tag => {
                        $($(let $field = $crate::journal::wire::Decode::decode(from)?;)*)?
                        $($(let $item = $crate::journal::wire::Decode::decode(from)?;)*)?
                        Ok(Self::$variant $({ $($field),* })? $(($($item),*))?)
                    })*
                    tag => Err($crate::journal::wire::Malformed::UnknownVariant { of: stringify!($type), tag }),
                }
            }
        }

        #[cfg(test)]
        impl $crate::journal::tests::Sample for $type {
            fn sample(dice: &mut $crate::journal::tests::Dice) -> Self {
                let variants: &[fn(&mut $crate::journal::tests::Dice) -> Self] = &[$(|_dice| {
                    $($(let $field = $crate::journal::tests::Sample::sample(_dice);)*)?
                    $($(let $item = $crate::journal::tests::Sample::sample(_dice);)*)?
                    Self::$variant $({ $($field),* })? $(($($item),*))?
                }),*];
                variants[dice.below(variants.len())](dice)
            }

            fn first() -> Self {
                Self::firsts().swap_remove(0)
            }

            fn firsts() -> Vec<Self> {
                vec![$({
                    $($(let $field = $crate::journal::tests::Sample::first();)*)?
                    $($(let $item = $crate::journal::tests::Sample::first();)*)?
                    Self::$variant $({ $($field),* })? $(($($item),*))?
                }),*]
            }

            fn golden(&self, lines: &mut $crate::journal::tests::Lines) {
                for variant in Self::firsts() {
                    match &variant {
                        $(Self::$variant $({ $($field),* })? $(($($item),*))? => {
                            if lines.add(stringify!($type), Some(stringify!($variant)), &variant) {
                                $($($field.golden(lines);)*)?
                                $($($item.golden(lines);)*)?
                            }
                        })*
                    }
                }
            }
        }
    };
}

pub(super) use {encode_enum, encode_struct, wire_enum, wire_struct};
