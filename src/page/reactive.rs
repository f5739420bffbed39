//! Memos and effects of boxed functions.
//!
//! leptos compiles all that is around a memo or an effect, a kilobyte and more, for every type of function that it is given, and every
//! closure is a type of its own. Boxed, those of one value share it.

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

/// [`Effect::watch`]: `then` hears of each new value and of the one before; at once, too, if it is `immediate`.
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
