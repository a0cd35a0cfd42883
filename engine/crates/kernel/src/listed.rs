//! Enums that know all of their variants.

/// Declares an enum without fields and its `ALL`, so that a variant cannot be left out of the list.
macro_rules! listed {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident,)*
        }
    ) => {
        $(#[$meta])*
        $visibility enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// All of them, in their order.
            $visibility const ALL: [Self; [$(stringify!($variant)),*].len()] = [$(Self::$variant,)*];
        }
    };
}

pub(crate) use listed;
