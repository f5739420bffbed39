//! Memos and effects over boxed functions.
//!
//! leptos compiles the code around a memo or an effect, a kilobyte or more, once for every function type, and every closure is a type of
//! its own. Boxed functions with the same value type share that code.

#![expect(clippy::disallowed_methods, reason = "here they are boxed")]

use leptos::prelude::*;

/// [`Memo::new`].
pub fn memo<T>(compute: impl Fn(Option<&T>) -> T + Send + Sync + 'static) -> Memo<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    boxed_memo(Box::new(compute))
}

/// [`Effect::new`].
pub fn effect<T: 'static>(run: impl FnMut(Option<T>) -> T + 'static) {
    boxed_effect(Box::new(run));
}

/// [`Effect::watch`]: calls `then` with each new value and the previous one; also with the initial value if `immediate`.
pub fn watch<T: 'static>(of: impl Fn() -> T + 'static, then: impl FnMut(&T, Option<&T>) + 'static, immediate: bool) {
    boxed_watch(Box::new(of), Box::new(then), immediate);
}

type Compute<T> = Box<dyn Fn(Option<&T>) -> T + Send + Sync>;

fn boxed_memo<T>(compute: Compute<T>) -> Memo<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    Memo::new(compute)
}

fn boxed_effect<T: 'static>(run: Box<dyn FnMut(Option<T>) -> T>) {
    Effect::new(run);
}

type Then<T> = Box<dyn FnMut(&T, Option<&T>)>;

fn boxed_watch<T: 'static>(of: Box<dyn Fn() -> T>, mut then: Then<T>, immediate: bool) {
    Effect::watch(of, move |now, before, _| then(now, before), immediate);
}
