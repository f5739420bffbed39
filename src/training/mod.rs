//! Augmentation, batches, loss, optimizer and the loop that trains.
