//! The choice of the vector type.

/// Runs `$work::<S>` with the vector type that has `$lanes` floats.
macro_rules! with_lanes {
    ($lanes:expr, $self:ident . $work:ident) => {
        // SAFETY: passed on from the caller.
        unsafe {
            if $lanes == Wide::LANES {
                $self.$work::<Wide>();
            } else {
                $self.$work::<Half>();
            }
        }
    };
}

pub(super) use with_lanes;
