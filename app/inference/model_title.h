// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app {

/// What chats keep as the name of the built-in guide: the same in every language. No file is called so.
QString storedGuideName();
QString guideName();  ///< translated

/// Of a model in a file: engine::modelName().
QString modelNameOf(const QString& path);

/// The name that a model is shown by, in one line, from what a chat keeps of it. Before, chats kept the guide's name in
/// the language of that day.
QString modelTitle(const QString& name);

}  // namespace rookery::app
