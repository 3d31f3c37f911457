//! Stages as those name them that read what they leave.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A stage's name with the type of its value: what one stage is given of another.
///
/// On disk there are names alone. A handle is made once, beside the stage; who reads the stage's value
/// ([`StageContext::value`](crate::StageContext::value)) gets what the stage left ([`Stage::of`](crate::Stage::of)), or does not
/// compile.
pub struct Handle<T> {
    name: Cow<'static, str>,
    value: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// The stage of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), value: PhantomData }
    }

    /// The same where the name follows from the recipe.
    pub const fn named(name: String) -> Self {
        Self { name: Cow::Owned(name), value: PhantomData }
    }

    /// The stage's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.name).finish()
    }
}

impl<T> From<&Handle<T>> for String {
    fn from(handle: &Handle<T>) -> Self {
        handle.name().to_owned()
    }
}
