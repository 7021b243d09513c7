<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>Activity</name>
    <message>
        <source>Reading %1 of %2 tokens</source>
        <translation>正在读取第 %1 个词元，共 %2 个</translation>
    </message>
    <message>
        <source>%1 tokens/s</source>
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>%1 left</source>
        <comment>%1 is a time</comment>
        <translation>还剩 %1</translation>
    </message>
    <message>
        <source>Waiting for the model to load…</source>
        <translation>正在等待模型载入…</translation>
    </message>
    <message>
        <source>Waiting for the benchmark to end…</source>
        <translation>正在等待基准测试结束…</translation>
    </message>
    <message>
        <source>Waiting…</source>
        <translation>正在等待…</translation>
    </message>
    <message>
        <source>Waiting for the answer in another chat…</source>
        <translation>正在等待另一个对话的回答…</translation>
    </message>
    <message>
        <source>Loading %1: %2 of %3</source>
        <translation>正在载入 %1：%2 / %3</translation>
    </message>
    <message>
        <source>Loading %1…</source>
        <translation>正在载入 %1…</translation>
    </message>
    <message>
        <source>Preparing the device: step %1 of %2</source>
        <translation>正在准备设备：第 %1 步，共 %2 步</translation>
    </message>
    <message>
        <source>Preparing the device…</source>
        <translation>正在准备设备…</translation>
    </message>
    <message>
        <source>Reading the chat…</source>
        <translation>正在读取对话…</translation>
    </message>
    <message>
        <source>Going on where the answer stopped: token %1 of %2</source>
        <translation>正在从回答中断处继续：第 %1 个词元，共 %2 个</translation>
    </message>
    <message>
        <source>Answering…</source>
        <translation>正在回答…</translation>
    </message>
    <message>
        <source>Measuring…</source>
        <translation>正在测量…</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>就绪</translation>
    </message>
</context>
<context>
    <name>Application</name>
    <message>
        <source>%1 could not be loaded. %2</source>
        <translation>无法载入 %1。%2</translation>
    </message>
    <message numerus="yes">
        <source>%n old memories of chats were dropped to stay within the limit (Settings, Memory of chats)</source>
        <translation>
            <numerusform>为不超过上限，已清除 %n 份旧的对话记忆（见“设置”中的“对话记忆”）</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 is not where it was. Choose it again on the Models page.</source>
        <translation>%1 已不在原处。请在“模型”页重新选择。</translation>
    </message>
    <message>
        <source>Rookery ended while it was loading a model on %1, so it did not try that again by itself.</source>
        <translation>Rookery 上次在 %1 上载入模型时意外结束，因此没有自动再试。</translation>
    </message>
    <message>
        <source>%1 The guide model answers until then.</source>
        <translation>%1 在此之前由向导模型回答。</translation>
    </message>
    <message>
        <source>Not everything is saved</source>
        <translation>还有内容未保存</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Close anyway</source>
        <translation>仍然关闭</translation>
    </message>
    <message>
        <source>The newest changes to your chats are not saved. %1

Rookery keeps trying while its window is open. Closing it now loses them.</source>
        <translation>对话的最新改动尚未保存。%1

窗口开着时 Rookery 会继续尝试。现在关闭会丢失它们。</translation>
    </message>
    <message>
        <source>Nothing in it could be read, so Rookery started with an empty one.</source>
        <translation>其中的内容都无法读取，因此 Rookery 从空文件开始。</translation>
    </message>
    <message>
        <source>Rookery rescued %1 with %2 into a new one; check that nothing you need is missing.</source>
        <translation>Rookery 已将%1、%2抢救到新文件中；请检查所需内容是否齐全。</translation>
    </message>
    <message numerus="yes">
        <source>%n chats</source>
        <translation>
            <numerusform>%n 个对话</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n messages</source>
        <translation>
            <numerusform>%n 条消息</numerusform>
        </translation>
    </message>
    <message>
        <source>The file with your chats was damaged. %1

The damaged file is kept here:
%2</source>
        <translation>保存对话的文件已损坏。%1

损坏的文件保留在：
%2</translation>
    </message>
</context>
<context>
    <name>BenchText</name>
    <message>
        <source>Answers at %1 tokens/s, about %2 times as fast as reading aloud.</source>
        <translation>回答速度为每秒 %1 个词元，约为朗读速度的 %2 倍。</translation>
    </message>
    <message>
        <source>Answers at %1 tokens/s, about as fast as reading aloud or slower.</source>
        <translation>回答速度为每秒 %1 个词元，与朗读相当或更慢。</translation>
    </message>
    <message>
        <source>Reads prompts at %1 tokens/s.</source>
        <translation>读取提示的速度为每秒 %1 个词元。</translation>
    </message>
    <message>
        <source>Answering reads faster than memory was measured at (%1 GB/s): the weights come from the processor&apos;s cache, or the measurement was disturbed.</source>
        <translation>回答时的读取速度超过了实测内存带宽（%1 GB/s）：权重来自处理器缓存，或测量受到了干扰。</translation>
    </message>
    <message>
        <source>Answering uses %1 of the measured memory bandwidth (%2 GB/s).</source>
        <translation>回答时用到了实测内存带宽（%2 GB/s）的 %1。</translation>
    </message>
    <message>
        <source>The run was cancelled; this is what was finished.</source>
        <translation>测试已取消；以下是已完成的部分。</translation>
    </message>
    <message>
        <source>weights: synthetic</source>
        <translation>权重：合成</translation>
    </message>
    <message>
        <source>weights: built-in guide</source>
        <translation>权重：内置向导</translation>
    </message>
    <message>
        <source>weights: file</source>
        <translation>权重：文件</translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n 个线程</numerusform>
        </translation>
    </message>
    <message>
        <source>Warming up: %1</source>
        <translation>预热：%1</translation>
    </message>
    <message>
        <source>run %1 of %2</source>
        <translation>第 %1 次，共 %2 次</translation>
    </message>
    <message>
        <source>last %1 tokens/s</source>
        <translation>上次 %1 词元/秒</translation>
    </message>
    <message>
        <source>spread %1</source>
        <translation>离散度 %1</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在载入模型</translation>
    </message>
    <message>
        <source>Measuring how fast memory can be read; this can take half a minute</source>
        <translation>正在测量内存的读取速度，可能需要半分钟</translation>
    </message>
    <message>
        <source>Saving, restoring and copying the state</source>
        <translation>正在保存、恢复和复制状态</translation>
    </message>
    <message>
        <source>Writing the report</source>
        <translation>正在写报告</translation>
    </message>
    <message>
        <source>One run only, so there is no spread.</source>
        <translation>只测了一次，因此没有离散度。</translation>
    </message>
    <message>
        <source>2 runs: the spread is only indicative.</source>
        <translation>只测了 2 次：离散度仅供参考。</translation>
    </message>
    <message>
        <source>This computer was busy: other programs took part of the processor. Close them and run it again.</source>
        <translation>这台电脑当时较忙：其他程序占用了部分处理器。请关闭它们后重新运行。</translation>
    </message>
    <message>
        <source>This computer was busy: the runs differ more than they should. Close other programs and run it again.</source>
        <translation>这台电脑当时较忙：各次结果相差过大。请关闭其他程序后重新运行。</translation>
    </message>
    <message>
        <source>busy</source>
        <translation>繁忙</translation>
    </message>
    <message>
        <source>noisy</source>
        <translation>波动较大</translation>
    </message>
    <message>
        <source>cancelled</source>
        <translation>已取消</translation>
    </message>
    <message numerus="yes">
        <source>%n run(s)</source>
        <translation>
            <numerusform>%n 次</numerusform>
        </translation>
    </message>
    <message>
        <source>synthetic</source>
        <translation>合成</translation>
    </message>
    <message>
        <source>Memory: %1 GB/s</source>
        <translation>内存：%1 GB/s</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>载入</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>首个词元</translation>
    </message>
    <message>
        <source>Saving the state</source>
        <translation>保存状态</translation>
    </message>
    <message>
        <source>Restoring it</source>
        <translation>恢复状态</translation>
    </message>
    <message>
        <source>Copying it</source>
        <translation>复制状态</translation>
    </message>
    <message>
        <source>%1 tokens/s</source>
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 毫秒</translation>
    </message>
    <message>
        <source>%1: %2 ± %3</source>
        <translation>%1：%2 ± %3</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Waiting for a first token</source>
        <translation>等待首个词元</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>d MMM yyyy</source>
        <comment>a date: day, month, year</comment>
        <translation>yyyy年M月d日</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>day, time</comment>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>full precision</source>
        <translation>全精度</translation>
    </message>
</context>
<context>
    <name>Conversation</name>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
</context>
<context>
    <name>DeviceList</name>
    <message>
        <source>CPU: %1</source>
        <translation>CPU：%1</translation>
    </message>
    <message>
        <source>%1 (software)</source>
        <translation>%1（软件模拟）</translation>
    </message>
    <message>
        <source>Cannot be used: %1</source>
        <translation>无法使用：%1</translation>
    </message>
    <message>
        <source>Driver: %1</source>
        <translation>驱动：%1</translation>
    </message>
    <message>
        <source>Interface: %1</source>
        <translation>接口：%1</translation>
    </message>
    <message>
        <source>Memory: %1</source>
        <translation>内存：%1</translation>
    </message>
    <message>
        <source>Features used: %1</source>
        <translation>使用的特性：%1</translation>
    </message>
    <message>
        <source>The CPU simulates this device. Choosing the CPU itself is faster.</source>
        <translation>此设备由 CPU 模拟。直接选择 CPU 会更快。</translation>
    </message>
</context>
<context>
    <name>EngineError</name>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>This cannot be done with these settings.</source>
        <translation>在这些设置下无法完成。</translation>
    </message>
    <message>
        <source>The file is no longer there. Choose it again.</source>
        <translation>文件已不在原处。请重新选择。</translation>
    </message>
    <message>
        <source>The file cannot be read. Check its permissions and the disk.</source>
        <translation>无法读取文件。请检查其权限和磁盘。</translation>
    </message>
    <message>
        <source>The file cannot be written. Check the free space and the permissions.</source>
        <translation>无法写入文件。请检查剩余空间和权限。</translation>
    </message>
    <message>
        <source>The file is damaged or incomplete. Get it again.</source>
        <translation>文件已损坏或不完整。请重新获取。</translation>
    </message>
    <message>
        <source>This file asks to run program code, which no model needs. Nothing was run. Do not use it; get the model from its official source.</source>
        <translation>此文件要求运行程序代码，而模型并不需要这样做。没有运行任何代码。请勿使用此文件；请从官方来源获取模型。</translation>
    </message>
    <message>
        <source>This generation of RWKV cannot be run by this version of Rookery yet.</source>
        <translation>此版本的 Rookery 尚不能运行这一代 RWKV。</translation>
    </message>
    <message>
        <source>There is too little free memory for this. Close other programs or choose a smaller model.</source>
        <translation>空闲内存太少。请关闭其他程序或选择更小的模型。</translation>
    </message>
    <message>
        <source>The chosen device is not available. Load the model on another one.</source>
        <translation>所选设备不可用。请在其他设备上载入模型。</translation>
    </message>
    <message>
        <source>The model cannot be laid out on the devices that way. Choose another precision.</source>
        <translation>模型无法这样分布到设备上。请选择其他精度。</translation>
    </message>
    <message>
        <source>This memory was made with another model. The text can be read again.</source>
        <translation>这份记忆由另一个模型生成。可以重新读取文本。</translation>
    </message>
    <message>
        <source>The model computes values that are no numbers. Its file is damaged, or its weights are too large for their type.</source>
        <translation>模型算出的值不是数字。模型文件已损坏，或其权重超出了所用类型的范围。</translation>
    </message>
    <message>
        <source>The check failed: the contents are not what they should be.</source>
        <translation>校验失败：内容与应有的不符。</translation>
    </message>
    <message>
        <source>Waiting for the model to be loaded…</source>
        <translation>正在等待模型载入完成…</translation>
    </message>
    <message>
        <source>Waiting for the answer to end…</source>
        <translation>正在等待回答结束…</translation>
    </message>
    <message>
        <source>Waiting for the benchmark to end…</source>
        <translation>正在等待基准测试结束…</translation>
    </message>
    <message>
        <source>The graphics device has too little free memory for it. Load it on the CPU, or choose a smaller model.</source>
        <translation>图形设备的空闲内存不足。请在 CPU 上载入，或选择更小的模型。</translation>
    </message>
    <message>
        <source>The graphics device has too little free memory for all of it. Share it with the CPU, load it on the CPU, or choose a smaller model.</source>
        <translation>图形设备的空闲内存放不下整个模型。请与 CPU 分担，在 CPU 上载入，或选择更小的模型。</translation>
    </message>
    <message>
        <source>The graphics device has too little free memory for all of it. Share it with the CPU (on the Models page), load it on the CPU, or choose a smaller model.</source>
        <translation>图形设备的空闲内存放不下整个模型。请与 CPU 分担（在“模型”页），在 CPU 上载入，或选择更小的模型。</translation>
    </message>
    <message>
        <source>The graphics device cannot be used. Load it on the CPU, or choose another device.</source>
        <translation>图形设备无法使用。请在 CPU 上载入，或选择其他设备。</translation>
    </message>
    <message>
        <source>This is not the model itself.</source>
        <translation>这不是模型文件本身。</translation>
    </message>
    <message>
        <source>This file is in a form that Rookery does not read.</source>
        <translation>Rookery 无法读取这种形式的文件。</translation>
    </message>
    <message>
        <source>This file is not an RWKV model.</source>
        <translation>这个文件不是 RWKV 模型。</translation>
    </message>
    <message>
        <source>A part of the model is missing in the file.</source>
        <translation>文件缺少模型的一部分。</translation>
    </message>
    <message>
        <source>A part of the model does not fit the rest of it.</source>
        <translation>模型的一部分与其余部分不符。</translation>
    </message>
    <message>
        <source>The vocabulary of this model is missing.</source>
        <translation>缺少这个模型的词表。</translation>
    </message>
    <message>
        <source>This vocabulary is not the model&apos;s.</source>
        <translation>这个词表不属于该模型。</translation>
    </message>
</context>
<context>
    <name>FileNameText</name>
    <message>
        <source>Training data %1: about %2 trillion tokens, %3 trillion with earlier versions</source>
        <translation>训练数据 %1：约 %2 万亿词元，连同早期版本共 %3 万亿</translation>
    </message>
    <message>
        <source>Training data %1: about %2 trillion tokens</source>
        <translation>训练数据 %1：约 %2 万亿词元</translation>
    </message>
    <message>
        <source>Training data %1: with instructions and reasoning; a later letter is newer</source>
        <translation>训练数据 %1：含指令与推理；字母越靠后越新</translation>
    </message>
    <message>
        <source>Version %1 of its series</source>
        <translation>该系列的版本 %1</translation>
    </message>
    <message>
        <source>%1, series %2</source>
        <translation>%1，%2 系列</translation>
    </message>
    <message>
        <source>Size %1</source>
        <translation>规模 %1</translation>
    </message>
    <message>
        <source>Trained on texts of up to %1 tokens</source>
        <translation>训练文本最长 %1 个词元</translation>
    </message>
    <message>
        <source>Weights stored as %1</source>
        <translation>权重存储为 %1</translation>
    </message>
    <message>
        <source>Dated %1</source>
        <translation>日期 %1</translation>
    </message>
</context>
<context>
    <name>Format</name>
    <message>
        <source>%1 bytes</source>
        <translation>%1 字节</translation>
    </message>
    <message>
        <source>%1 kB</source>
        <translation>%1 kB</translation>
    </message>
    <message>
        <source>%1 MB</source>
        <translation>%1 MB</translation>
    </message>
    <message>
        <source>%1 GB</source>
        <translation>%1 GB</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 小时 %2 分</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1%</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <comment>two sentences, one after the other</comment>
        <translation>%1%2</translation>
    </message>
</context>
<context>
    <name>InferenceWorker</name>
    <message>
        <source>Guide model</source>
        <translation>向导模型</translation>
    </message>
</context>
<context>
    <name>ReportExport</name>
    <message>
        <source>Table of every run (*.csv)</source>
        <translation>每次运行的表格 (*.csv)</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>Picture of the charts (*.png)</source>
        <translation>图表图片 (*.png)</translation>
    </message>
    <message>
        <source>Report (*.json)</source>
        <translation>报告 (*.json)</translation>
    </message>
    <message>
        <source>%1 could not be saved in %2. Choose another folder, or free some space.</source>
        <translation>无法把 %1 保存到 %2。请选择其他文件夹，或腾出一些空间。</translation>
    </message>
    <message>
        <source>%1 could not be saved in %2: %3. Choose another folder, or free some space.</source>
        <translation>无法把 %1 保存到 %2：%3。请选择其他文件夹，或腾出一些空间。</translation>
    </message>
</context>
<context>
    <name>RunTime</name>
    <message>
        <source>Takes less than a minute.</source>
        <translation>用时不到一分钟。</translation>
    </message>
    <message numerus="yes">
        <source>Takes up to %n minute(s).</source>
        <translation>
            <numerusform>用时最多 %n 分钟。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Takes about %n minute(s).</source>
        <translation>
            <numerusform>用时约 %n 分钟。</numerusform>
        </translation>
    </message>
    <message>
        <source>Takes %1 to %2 minutes.</source>
        <translation>用时 %1 到 %2 分钟。</translation>
    </message>
</context>
<context>
    <name>StateFile</name>
    <message>
        <source>%1 or %2</source>
        <translation>%1 或 %2</translation>
    </message>
    <message>
        <source>%1, %2 or %3</source>
        <translation>%1、%2 或 %3</translation>
    </message>
    <message>
        <source>RWKV-%1, %2 layers, width %3</source>
        <comment>%1: a number, or &quot;5, 6 or 7&quot;</comment>
        <translation>RWKV-%1，%2 层，宽度 %3</translation>
    </message>
    <message>
        <source>Tuned state for %1</source>
        <comment>%1: &quot;RWKV-7, 12 layers, width 768&quot;</comment>
        <translation>微调状态，适用于 %1</translation>
    </message>
    <message>
        <source>Saved chat of %1</source>
        <comment>%1: &quot;RWKV-7, 12 layers, width 768&quot;</comment>
        <translation>已保存的对话，来自 %1</translation>
    </message>
    <message>
        <source>Saved state of %1</source>
        <comment>%1: &quot;RWKV-7, 12 layers, width 768&quot;</comment>
        <translation>已保存的状态，来自 %1</translation>
    </message>
    <message>
        <source>State of %1, by another program</source>
        <comment>%1: &quot;RWKV-7, 12 layers, width 768&quot;</comment>
        <translation>%1 的状态，由其他程序保存</translation>
    </message>
</context>
<context>
    <name>Store</name>
    <message>
        <source>Another program is using the chats, perhaps a second Rookery. Close it and try again.</source>
        <translation>另一个程序正在使用对话数据，可能是第二个 Rookery。请关闭它后重试。</translation>
    </message>
    <message>
        <source>The disk is full, so chats cannot be saved. Free some space; what is unsaved is kept and saved then.</source>
        <translation>磁盘已满，无法保存对话。请腾出空间；未保存的内容会保留，届时再保存。</translation>
    </message>
    <message>
        <source>The file with the chats is damaged.</source>
        <translation>保存对话的文件已损坏。</translation>
    </message>
    <message>
        <source>The file with the chats cannot be written. Check that its folder exists and that you may write there.</source>
        <translation>无法写入保存对话的文件。请检查其文件夹是否存在、您是否有写入权限。</translation>
    </message>
    <message>
        <source>The chats were saved by a newer Rookery. Update this one to open them.</source>
        <translation>这些对话由更新版本的 Rookery 保存。请更新本程序后再打开。</translation>
    </message>
    <message>
        <source>The file with the chats belongs to another program.</source>
        <translation>保存对话的文件属于另一个程序。</translation>
    </message>
    <message>
        <source>The chats could not be saved.</source>
        <translation>对话未能保存。</translation>
    </message>
    <message>
        <source>A change to your chats could not be saved and is lost at the next start.</source>
        <translation>对话中的一处更改无法保存，下次启动时会丢失。</translation>
    </message>
    <message>
        <source>Some of your chats could not be read. Check the disk that holds them, then open the chat again.</source>
        <translation>部分对话无法读取。请检查保存它们的磁盘，然后重新打开对话。</translation>
    </message>
    <message>
        <source>There is too little free memory to save chats. Close other programs; what is unsaved is kept and saved then.</source>
        <translation>空闲内存太少，无法保存对话。请关闭其他程序；未保存的内容会保留，届时再保存。</translation>
    </message>
    <message>
        <source>The disk is full: your chats can be read, but nothing new can be saved in %1. Free some space, and Rookery goes on by itself.</source>
        <translation>磁盘已满：可以查看对话，但无法在 %1 中保存新内容。请腾出空间，Rookery 会自动恢复。</translation>
    </message>
    <message>
        <source>Your chats in %1 can neither be read nor written. Give yourself the right to, and Rookery goes on by itself; or start it with --data-dir and another folder.</source>
        <translation>%1 中的对话既无法读取也无法写入。请为自己授予权限，Rookery 会自动恢复；或者用 --data-dir 指定其他文件夹启动。</translation>
    </message>
    <message>
        <source>Your chats can be read, but nothing new can be saved: the folder %1 cannot be written. Make it writable, and Rookery goes on by itself; or start it with --data-dir and another folder.</source>
        <translation>可以查看对话，但无法保存新内容：文件夹 %1 不可写。请将其设为可写，Rookery 会自动恢复；或者用 --data-dir 指定其他文件夹启动。</translation>
    </message>
    <message>
        <source>The file with your chats is damaged in places. Close Rookery and start it again: it then rescues what can be read into a new file and keeps the damaged one.</source>
        <translation>保存对话的文件有部分损坏。请关闭并重新启动 Rookery：届时会将可读取的内容抢救到新文件中，并保留损坏的文件。</translation>
    </message>
    <message>
        <source>Rescued chat</source>
        <translation>抢救的对话</translation>
    </message>
</context>
<context>
    <name>Transcript</name>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>rookery::app::AboutDialog</name>
    <message>
        <source>About Rookery</source>
        <translation>关于 Rookery</translation>
    </message>
    <message>
        <source>Rookery&apos;s raven</source>
        <translation>Rookery 的渡鸦</translation>
    </message>
    <message>
        <source>A desktop app for RWKV language models. It chats, it remembers, and it measures.

Everything runs on this computer. Rookery opens no network connection by itself.

Free software under the GNU General Public License, version 3 or later. Charts by QCustomPlot, windows by Qt.</source>
        <translation>面向 RWKV 语言模型的桌面应用：能对话，能记忆，能测量。

一切都在这台电脑上运行。Rookery 不会自行打开网络连接。

自由软件，采用 GNU 通用公共许可证第 3 版或更新版本。图表由 QCustomPlot 绘制，界面由 Qt 提供。</translation>
    </message>
</context>
<context>
    <name>rookery::app::AnswerRulesForm</name>
    <message>
        <source>No limit</source>
        <translation>不限</translation>
    </message>
    <message>
        <source> tokens</source>
        <translation> 词元</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>回答的最大长度</translation>
    </message>
    <message>
        <source>An answer stops after this many tokens. Continue goes on from there</source>
        <translation>回答达到这么多词元时停止；点“继续”可接着生成</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>角色</translation>
    </message>
    <message>
        <source>What the model calls the two sides. World and G1 models know User and Assistant; older ones other names</source>
        <translation>模型对双方的称呼。World 和 G1 模型使用 User 和 Assistant；较早的模型使用其他名称</translation>
    </message>
    <message>
        <source>You are</source>
        <translation>您</translation>
    </message>
    <message>
        <source>The name before your messages in the prompt</source>
        <translation>提示词中您的消息前面的名称</translation>
    </message>
    <message>
        <source>The model is</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>The name before the answers in the prompt</source>
        <translation>提示词中回答前面的名称</translation>
    </message>
    <message>
        <source>Stop texts, one per line</source>
        <translation>停止文本，每行一个</translation>
    </message>
    <message>
        <source>An answer ends before any of these. \n is a line break, \t a tab, \\ a backslash</source>
        <translation>回答在出现其中任何一个之前结束。\n 表示换行，\t 表示制表符，\\ 表示反斜杠</translation>
    </message>
    <message>
        <source>For example: \n\nQ:</source>
        <translation>例如：\n\nQ:</translation>
    </message>
    <message>
        <source>Custom</source>
        <translation>自定义</translation>
    </message>
    <message>
        <source>A role is a name on one line, without a colon. Until then the last one is used.</source>
        <translation>角色名应为一行，且不含冒号。在此之前沿用上一个名称。</translation>
    </message>
    <message>
        <source>At most %1 stop texts of %2 characters are used; the others are not.</source>
        <translation>最多使用 %1 个停止文本，每个不超过 %2 个字符；其余的不起作用。</translation>
    </message>
</context>
<context>
    <name>rookery::app::BenchPage</name>
    <message>
        <source>Cancelled before the first result.</source>
        <translation>在得出第一个结果之前已取消。</translation>
    </message>
    <message>
        <source>Export the report</source>
        <translation>导出报告</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>已保存为 %1。</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <source>Replace the file?</source>
        <translation>要替换文件吗？</translation>
    </message>
    <message>
        <source>%1 is there already.</source>
        <translation>%1 已存在。</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>替换</translation>
    </message>
    <message>
        <source>Close the notice</source>
        <translation>关闭通知</translation>
    </message>
    <message>
        <source>No result yet. Run measures how fast this computer reads and answers, without any download.</source>
        <translation>还没有结果。点“运行”即可测量这台电脑读取和回答的速度，无需下载任何内容。</translation>
    </message>
</context>
<context>
    <name>rookery::app::BenchSetup</name>
    <message>
        <source>Loaded: %1</source>
        <translation>已载入：%1</translation>
    </message>
    <message>
        <source>Synthetic %1</source>
        <translation>合成 %1</translation>
    </message>
    <message>
        <source>Choose a model to measure</source>
        <translation>选择要测量的模型</translation>
    </message>
    <message>
        <source>Random weights in the official shape, no download: %1 million parameters, about %2 of memory.</source>
        <translation>官方形状的随机权重，无需下载：%1 百万参数，约占 %2 内存。</translation>
    </message>
    <message>
        <source>That is more than the %1 that are free now.</source>
        <translation>这超过了目前空闲的 %1。</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Precision</source>
        <translation>精度(&amp;P)</translation>
    </message>
    <message>
        <source>Model to measure</source>
        <translation>要测量的模型</translation>
    </message>
    <message>
        <source>Precision of the weights</source>
        <translation>权重的精度</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>运行(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>This computer runs on battery and may be slower than usual. The report will say so.</source>
        <translation>这台电脑正在使用电池，可能比平时慢。报告中会注明。</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>%1 (built in)</source>
        <translation>%1（内置）</translation>
    </message>
    <message>
        <source>&amp;Browse…</source>
        <translation>浏览(&amp;B)…</translation>
    </message>
    <message>
        <source>Measure a model from a file</source>
        <translation>测量文件中的模型</translation>
    </message>
    <message>
        <source>That is more than the %1 that the device has.</source>
        <translation>这超过了设备的 %1 内存。</translation>
    </message>
    <message>
        <source>&amp;Device</source>
        <translation>设备(&amp;D)</translation>
    </message>
    <message>
        <source>Device to measure</source>
        <translation>要测试的设备</translation>
    </message>
    <message>
        <source>Other programs use %1 of the processor now: the figures would be too low. Close them first, if you can.</source>
        <translation>其他程序正占用 %1 的处理器：测得的数值会偏低。如果可以，请先关闭它们。</translation>
    </message>
    <message>
        <source>No other program needs much of the processor: a good moment to measure.</source>
        <translation>没有其他程序大量占用处理器：正适合测量。</translation>
    </message>
    <message>
        <source>as in the file</source>
        <translation>与文件相同</translation>
    </message>
    <message>
        <source>The small model that comes with Rookery, too small to tell how big models will run.</source>
        <translation>Rookery 自带的小模型，太小，无法反映大模型的速度。</translation>
    </message>
    <message>
        <source>Measures this file as it is.</source>
        <translation>按文件原样测量。</translation>
    </message>
    <message>
        <source>The chat&apos;s model stays loaded and is not counted.</source>
        <translation>对话所用的模型保持载入，不计入结果。</translation>
    </message>
    <message>
        <source>Measure reading and answering</source>
        <translation>测量读取和回答</translation>
    </message>
    <message>
        <source>RWKV models (%1);;All files (*)</source>
        <translation>RWKV 模型 (%1);;所有文件 (*)</translation>
    </message>
</context>
<context>
    <name>rookery::app::ChartPanel</name>
    <message>
        <source>%1, as a table</source>
        <translation>%1（表格）</translation>
    </message>
</context>
<context>
    <name>rookery::app::ChartsView</name>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Every run</source>
        <translation>每次运行</translation>
    </message>
    <message>
        <source>Memory by part</source>
        <translation>各部分内存</translation>
    </message>
</context>
<context>
    <name>rookery::app::ChatPage</name>
    <message>
        <source>You</source>
        <translation>您</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>No model is loaded. Choose one on the Models page.</source>
        <translation>未载入模型。请在“模型”页选择一个。</translation>
    </message>
    <message>
        <source>Answering…</source>
        <translation>正在回答…</translation>
    </message>
    <message>
        <source>Not saved: %1</source>
        <translation>未保存：%1</translation>
    </message>
    <message>
        <source>Another model began this answer. Load that one to go on, or answer again.</source>
        <translation>此回答由另一个模型开始。请载入那个模型以继续，或重新回答。</translation>
    </message>
    <message>
        <source>Load on the C&amp;PU</source>
        <translation>在 CPU 上载入(&amp;P)</translation>
    </message>
    <message>
        <source>The model is being loaded. Try again in a moment.</source>
        <translation>模型正在载入，请稍后再试。</translation>
    </message>
    <message>
        <source>Chat &amp;list</source>
        <translation>对话列表(&amp;L)</translation>
    </message>
    <message>
        <source>Chat list (F9)</source>
        <translation>对话列表 (F9)</translation>
    </message>
    <message>
        <source>Chat list</source>
        <translation>对话列表</translation>
    </message>
    <message>
        <source>Answer settings</source>
        <translation>回答设置</translation>
    </message>
    <message>
        <source>Go to that chat</source>
        <translation>转到该对话</translation>
    </message>
    <message>
        <source>Waiting…</source>
        <translation>正在等待…</translation>
    </message>
    <message>
        <source>Messages cannot be sent now, because they could not be saved.</source>
        <translation>现在无法发送消息，因为无法保存。</translation>
    </message>
    <message>
        <source>This chat was last read by %1. %2 will read it again with your next message.</source>
        <translation>此对话上次由 %1 读取。发送下一条消息时，%2 会重新读取。</translation>
    </message>
    <message>
        <source>%1 Stop takes the question back.</source>
        <comment>%1 is a sentence: &quot;Waiting for the benchmark to end…&quot;</comment>
        <translation>%1 点“停止”可收回问题。</translation>
    </message>
</context>
<context>
    <name>rookery::app::Composer</name>
    <message>
        <source>Message… Enter sends, Shift+Enter begins a new line</source>
        <translation>消息… 回车发送，Shift+回车换行</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Send (Enter)</source>
        <translation>发送（回车）</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop the answer (Esc)</source>
        <translation>停止回答（Esc）</translation>
    </message>
    <message>
        <source>Stop editing (Esc)</source>
        <translation>停止编辑（Esc）</translation>
    </message>
    <message>
        <source>Stop editing</source>
        <translation>停止编辑</translation>
    </message>
    <message>
        <source>You are editing an earlier message; the old version is kept beside it.</source>
        <translation>您正在编辑较早的消息；旧版本会保留在旁边。</translation>
    </message>
    <message numerus="yes">
        <source>%Ln token(s)</source>
        <translation>
            <numerusform>%Ln 个词元</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::Conversation</name>
    <message>
        <source>%1 tokens remembered, %2 read again</source>
        <translation>记住 %1 个词元，重读 %2 个</translation>
    </message>
    <message>
        <source>The earlier messages of this chat cannot be read now, and the model would answer without them. Try again in a while.</source>
        <translation>目前无法读取此对话之前的消息，模型会在不知道它们的情况下回答。请稍后再试。</translation>
    </message>
    <message>
        <source>The graphics device stopped answering. What was written so far is kept; Continue loads the model again and goes on.</source>
        <translation>图形设备停止响应。已写出的内容会保留；“继续”会重新载入模型并接着写下去。</translation>
    </message>
    <message>
        <source>The model could not be loaded again. What was written so far is kept; Continue goes on once the model is loaded.</source>
        <translation>无法重新载入模型。已写出的内容会保留；模型载入后，“继续”会接着写下去。</translation>
    </message>
    <message>
        <source>No model could be loaded. Choose one on the Models page.</source>
        <translation>没有可载入的模型。请在“模型”页面选择一个。</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>Load the model that this state is for, then choose the state.</source>
        <translation>请先加载这个状态所属的模型，再选择状态。</translation>
    </message>
    <message>
        <source>%1 does not fit the model that is loaded, %2.</source>
        <translation>%1 不适用于当前加载的模型 %2。</translation>
    </message>
    <message>
        <source>%1 holds no state.</source>
        <translation>%1 中没有状态。</translation>
    </message>
    <message>
        <source>%1 cannot be used as a start. %2</source>
        <comment>%2 is a sentence</comment>
        <translation>%1 不能作为起点。%2</translation>
    </message>
    <message>
        <source>A state of another model</source>
        <translation>另一个模型的状态</translation>
    </message>
    <message>
        <source>Begin from it</source>
        <translation>从它开始</translation>
    </message>
    <message>
        <source>This chat begins from the state %1, which does not fit %2. Load a model that it fits.</source>
        <translation>这个对话从状态 %1 开始，而它不适用于 %2。请加载适用的模型。</translation>
    </message>
    <message>
        <source>The state %1 that this chat begins from is no longer in the database, or is damaged, and the model would answer without it. Begin a new chat.</source>
        <translation>这个对话的起始状态 %1 已不在数据库中或已损坏，模型只能在没有它的情况下回答。请新建对话。</translation>
    </message>
    <message>
        <source>The state that this chat begins from is being read. Try again in a moment.</source>
        <translation>正在读取这个对话的起始状态，请稍后再试。</translation>
    </message>
    <message>
        <source>%1 was saved by another model (%2), and means little to this one. A file of the same model with other number types or another layout counts as another. Begin from it all the same?</source>
        <translation>%1 由另一个模型（%2）保存，对当前模型意义不大。同一模型的文件若数值类型或布局不同，也算另一个模型。仍要从它开始吗？</translation>
    </message>
</context>
<context>
    <name>rookery::app::ConversationList</name>
    <message>
        <source>Search chats</source>
        <translation>搜索对话</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>New chat (Ctrl+N)</source>
        <translation>新对话（Ctrl+N）</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Your chats appear here.</source>
        <translation>您的对话会显示在这里。</translation>
    </message>
    <message>
        <source>Deleted “%1”</source>
        <translation>已删除“%1”</translation>
    </message>
    <message>
        <source>Deleted chats are kept for 30 days.</source>
        <translation>已删除的对话会保留 30 天。</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Search titles</source>
        <translation>搜索标题</translation>
    </message>
    <message>
        <source>Undo delete</source>
        <translation>撤销删除</translation>
    </message>
    <message>
        <source>Nothing for “%1” yet. Older messages are still being read.</source>
        <translation>暂时没有找到“%1”。仍在读取较早的消息。</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>及另外 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>No title has “%1”.</source>
        <translation>没有标题包含“%1”。</translation>
    </message>
    <message>
        <source>No title has “%1”. Messages are searched for words and numbers; signs count only beside them, as in “c++”.</source>
        <translation>没有标题包含“%1”。消息按文字和数字搜索；符号只有紧挨着它们时才算，例如“c++”。</translation>
    </message>
    <message>
        <source>Nothing for “%1”. Titles and messages were searched; of a very long message, its first %2 characters.</source>
        <translation>没有找到“%1”。已搜索标题和消息；特别长的消息只搜索前 %2 个字符。</translation>
    </message>
</context>
<context>
    <name>rookery::app::ConversationListModel</name>
    <message>
        <source>%1, %2</source>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
</context>
<context>
    <name>rookery::app::DevicePicker</name>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Looking for graphics devices…</source>
        <translation>正在查找图形设备…</translation>
    </message>
    <message>
        <source>%1 (not there)</source>
        <translation>%1（不存在）</translation>
    </message>
    <message>
        <source>%1 was chosen before and is not there now. Choose another device.</source>
        <translation>之前选择了 %1，但它现在不存在。请选择其他设备。</translation>
    </message>
</context>
<context>
    <name>rookery::app::EmptyPage</name>
    <message>
        <source>What is Rookery?</source>
        <translation>What is Rookery?</translation>
    </message>
    <message>
        <source>How do I get a bigger model?</source>
        <translation>How do I get a bigger model?</translation>
    </message>
    <message>
        <source>What does the benchmark measure?</source>
        <translation>What does the benchmark measure?</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <source>Loading the model…</source>
        <translation>正在载入模型…</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>未载入模型</translation>
    </message>
    <message>
        <source>You can send your first message already: it is answered once the model is loaded.</source>
        <translation>现在就可以发送第一条消息：模型载入后即会回答。</translation>
    </message>
    <message>
        <source>Choose a model to chat with.</source>
        <translation>请选择一个模型来对话。</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>%1 is ready. This chat begins from the state %2.</source>
        <translation>%1 已就绪。这个对话从状态 %2 开始。</translation>
    </message>
    <message>
        <source>Ask the guide</source>
        <translation>询问向导</translation>
    </message>
    <message>
        <source>A tiny model that comes with Rookery. It knows about this program and little else. For other questions, load a bigger model.</source>
        <translation>Rookery 自带的小模型，只了解本程序，其他知识很少。其他问题请载入更大的模型。</translation>
    </message>
    <message>
        <source>%1 is ready.</source>
        <translation>%1 已就绪。</translation>
    </message>
</context>
<context>
    <name>rookery::app::HistoryView</name>
    <message>
        <source>Date</source>
        <translation>日期</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Prompt,
tokens/s</source>
        <translation>提示词，
词元/秒</translation>
    </message>
    <message>
        <source>Answer,
tokens/s</source>
        <translation>回答，
词元/秒</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>备注</translation>
    </message>
    <message numerus="yes">
        <source>CPU, %n thread(s)</source>
        <translation>
            <numerusform>CPU，%n 个线程</numerusform>
        </translation>
    </message>
    <message>
        <source>Your runs</source>
        <translation>您的测试</translation>
    </message>
    <message>
        <source>Your runs appear here. They stay on this computer.</source>
        <translation>您的测试会显示在这里，并且只留在这台电脑上。</translation>
    </message>
    <message>
        <source>Ope&amp;n folder</source>
        <translation>打开文件夹(&amp;N)</translation>
    </message>
</context>
<context>
    <name>rookery::app::Label</name>
    <message>
        <source>Copy all of the text</source>
        <translation>复制全部文本</translation>
    </message>
</context>
<context>
    <name>rookery::app::MainWindow</name>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>基准测试</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;New chat</source>
        <translation>新对话(&amp;N)</translation>
    </message>
    <message>
        <source>&amp;Open a model…</source>
        <translation>打开模型(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>退出(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>撤销(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>重做(&amp;R)</translation>
    </message>
    <message>
        <source>Cu&amp;t</source>
        <translation>剪切(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>复制(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Paste</source>
        <translation>粘贴(&amp;P)</translation>
    </message>
    <message>
        <source>Select &amp;all</source>
        <translation>全选(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>全屏(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Keyboard shortcuts</source>
        <translation>键盘快捷键(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;About Rookery</source>
        <translation>关于 Rookery(&amp;A)</translation>
    </message>
    <message>
        <source>Stop loading</source>
        <translation>停止载入</translation>
    </message>
    <message>
        <source>Loading progress</source>
        <translation>载入进度</translation>
    </message>
    <message>
        <source>No model loaded</source>
        <translation>未载入模型</translation>
    </message>
    <message>
        <source>%1 tokens/s</source>
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>正在载入 %1</translation>
    </message>
    <message>
        <source>Loading %1: %2 of %3</source>
        <translation>正在载入 %1：%2 / %3</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Send the message</source>
        <translation>发送消息</translation>
    </message>
    <message>
        <source>New line in the message</source>
        <translation>在消息中换行</translation>
    </message>
    <message>
        <source>Search chats</source>
        <translation>搜索对话</translation>
    </message>
    <message>
        <source>The model takes %1 of its memory</source>
        <translation>模型占用其中 %1 内存</translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n 个线程</numerusform>
        </translation>
    </message>
    <message>
        <source>full precision</source>
        <translation>全精度</translation>
    </message>
    <message>
        <source>%1 (software)</source>
        <translation>%1（软件模拟）</translation>
    </message>
    <message>
        <source>Memory that Rookery uses now, and all that this computer has</source>
        <translation>Rookery 当前使用的内存，以及这台电脑的总内存</translation>
    </message>
    <message>
        <source>Preparing the device for %1</source>
        <translation>正在为 %1 准备设备</translation>
    </message>
    <message>
        <source>Stop the answer or cancel editing</source>
        <translation>停止回答或取消编辑</translation>
    </message>
</context>
<context>
    <name>rookery::app::MemoryChart</name>
    <message>
        <source>norms</source>
        <translation>归一化层</translation>
    </message>
    <message numerus="yes">
        <source>%n block(s)</source>
        <translation>
            <numerusform>%n 个块</numerusform>
        </translation>
    </message>
    <message>
        <source>planned</source>
        <translation>计划</translation>
    </message>
    <message>
        <source>measured</source>
        <translation>实测</translation>
    </message>
    <message>
        <source>Memory, MB (1 MB = 1,000,000 bytes)</source>
        <translation>内存，MB（1 MB = 1,000,000 字节）</translation>
    </message>
    <message>
        <source>Part</source>
        <translation>部分</translation>
    </message>
    <message>
        <source>Planned, MB</source>
        <translation>计划，MB</translation>
    </message>
    <message>
        <source>Measured, MB</source>
        <translation>实测，MB</translation>
    </message>
    <message>
        <source>all parts</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>whole program, as the system sees it</source>
        <translation>整个程序（系统所见）</translation>
    </message>
    <message>
        <source>not explained</source>
        <translation>未归类</translation>
    </message>
    <message>
        <source>the chat&apos;s model, which stayed loaded</source>
        <translation>对话所用的模型（保持载入）</translation>
    </message>
    <message>
        <source>the program itself</source>
        <translation>程序本身</translation>
    </message>
</context>
<context>
    <name>rookery::app::MessageBody</name>
    <message>
        <source>Show all (%1 characters)</source>
        <translation>显示全部（%1 个字符）</translation>
    </message>
    <message>
        <source>The rest is too long to be shown here. Copy takes the whole text.</source>
        <translation>其余部分过长，无法在此显示。“复制”会复制全文。</translation>
    </message>
</context>
<context>
    <name>rookery::app::MessageWidget</name>
    <message>
        <source>Previous version</source>
        <translation>上一版本</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>下一版本</translation>
    </message>
    <message>
        <source>Edit and ask again</source>
        <translation>编辑并重新提问</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Answer again</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Answer by %1</source>
        <translation>%1 的回答</translation>
    </message>
    <message>
        <source>Your message</source>
        <translation>您的消息</translation>
    </message>
    <message>
        <source>%1 tokens/s · %2 · first after %3 s</source>
        <comment>figures under an answer; %2 is &quot;402 tokens&quot;</comment>
        <translation>%1 词元/秒 · %2 · 首词元 %3 秒</translation>
    </message>
    <message>
        <source>%1/%2</source>
        <comment>version of a message: 2/3</comment>
        <translation>%1/%2</translation>
    </message>
    <message>
        <source>Thought, not finished</source>
        <translation>思考未完成</translation>
    </message>
    <message>
        <source>Thinking…</source>
        <translation>思考中…</translation>
    </message>
    <message>
        <source>Thought for %1</source>
        <comment>%1 is &quot;4 s&quot;</comment>
        <translation>思考了 %1</translation>
    </message>
    <message>
        <source>Thought for about %1</source>
        <comment>%1 is &quot;4 s&quot;</comment>
        <translation>思考了约 %1</translation>
    </message>
    <message>
        <source>Thought</source>
        <translation>思考过程</translation>
    </message>
    <message>
        <source>%1 · edited</source>
        <comment>%1 is a time of day</comment>
        <translation>%1 · 已编辑</translation>
    </message>
    <message numerus="yes">
        <source>%Ln token(s)</source>
        <translation>
            <numerusform>%Ln 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>The longest answer was reached. Continue goes on from here.</source>
        <translation>已达到回答的最大长度。点“继续”可从此处接着生成。</translation>
    </message>
    <message>
        <source>Not answered yet. Continue answers it.</source>
        <translation>尚未回答。点“继续”即可回答。</translation>
    </message>
    <message>
        <source>Stopped. Continue goes on from here.</source>
        <translation>已停止。点“继续”可从此处接着生成。</translation>
    </message>
    <message>
        <source>The answer was cut off. Nothing is lost: Continue goes on where it stopped.</source>
        <translation>回答被中断，没有丢失任何内容：点“继续”可从中断处接着生成。</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>正在载入…</translation>
    </message>
    <message>
        <source>Not answered.</source>
        <translation>未回答。</translation>
    </message>
</context>
<context>
    <name>rookery::app::ModelDetails</name>
    <message>
        <source>World</source>
        <translation>World</translation>
    </message>
    <message>
        <source>20B (Pile)</source>
        <translation>20B（Pile）</translation>
    </message>
    <message>
        <source>Opening the model</source>
        <translation>正在打开模型</translation>
    </message>
    <message>
        <source>Loading: %1 of %2</source>
        <translation>正在载入：%1 / %2</translation>
    </message>
    <message>
        <source>Fits: it needs %1 and %2 are free. A chat never needs more, however long it gets.</source>
        <translation>放得下：需要 %1，空闲 %2。对话再长也不会需要更多。</translation>
    </message>
    <message>
        <source>Just fits: it needs %1 and %2 are free. Close other programs first.</source>
        <translation>勉强放得下：需要 %1，空闲 %2。请先关闭其他程序。</translation>
    </message>
    <message>
        <source>Does not fit: it needs %1 and only %2 are free. Close other programs, or choose a smaller model or one with 8-bit weights.</source>
        <translation>放不下：需要 %1，而空闲只有 %2。请关闭其他程序，或选择更小的模型或 8 位权重的模型。</translation>
    </message>
    <message>
        <source>It needs %1.</source>
        <translation>需要 %1。</translation>
    </message>
    <message>
        <source>&amp;Load anyway</source>
        <translation>仍要载入(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Load</source>
        <translation>载入(&amp;L)</translation>
    </message>
    <message>
        <source>Generation</source>
        <translation>代</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层数</translation>
    </message>
    <message>
        <source>Width</source>
        <translation>宽度</translation>
    </message>
    <message>
        <source>%1 (%2 heads of %3)</source>
        <translation>%1（%2 个头，每个 %3）</translation>
    </message>
    <message>
        <source>Vocabulary</source>
        <translation>词表</translation>
    </message>
    <message>
        <source>%1 tokens, %2</source>
        <translation>%1 个词元，%2</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1，%2</translation>
    </message>
    <message>
        <source>A very small model that this project trained. It answers questions about Rookery: what the pages do, where things are kept, how to get and open models. It knows nothing else, and it is always there.</source>
        <translation>由本项目训练的极小模型，用英语回答有关 Rookery 的问题：各页的用途、东西放在哪里、如何获取和打开模型。它不知道别的，但始终都在。</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Details</source>
        <translation>详情(&amp;D)</translation>
    </message>
    <message>
        <source>Share of the free memory that this model needs</source>
        <translation>此模型所需占空闲内存的比例</translation>
    </message>
    <message>
        <source>Loading progress</source>
        <translation>载入进度</translation>
    </message>
    <message>
        <source>The vocabulary of this model is missing. Choose its file, or get the model as a GGUF file, which brings its own.</source>
        <translation>缺少这个模型的词表。请选择词表文件，或获取自带词表的 GGUF 文件。</translation>
    </message>
    <message>
        <source>&amp;Remove from the list</source>
        <translation>从列表中移除(&amp;R)</translation>
    </message>
    <message>
        <source>The file itself stays where it is</source>
        <translation>文件本身留在原处</translation>
    </message>
    <message>
        <source>Sho&amp;w in folder</source>
        <translation>在文件夹中显示(&amp;W)</translation>
    </message>
    <message>
        <source>Choose voca&amp;bulary…</source>
        <translation>选择词表(&amp;B)…</translation>
    </message>
    <message>
        <source>Fits: it needs %1, and the device has %2. A chat never needs more, however long it gets.</source>
        <translation>可以容纳：需要 %1，设备有 %2。无论对话多长，都不会需要更多。</translation>
    </message>
    <message>
        <source>Just fits: it needs %1, and the device has %2. Close other programs that use it first.</source>
        <translation>勉强容纳：需要 %1，设备有 %2。请先关闭使用该设备的其他程序。</translation>
    </message>
    <message>
        <source>Does not fit: it needs %1, and the device has only %2. Use the CPU, or choose a smaller model or one with 8-bit weights.</source>
        <translation>无法容纳：需要 %1，而设备只有 %2。请使用 CPU，或选择更小的模型或 8 位权重的模型。</translation>
    </message>
    <message>
        <source>Device that the model runs on</source>
        <translation>运行模型的设备</translation>
    </message>
    <message>
        <source>Load on the C&amp;PU</source>
        <translation>在 CPU 上载入(&amp;P)</translation>
    </message>
    <message>
        <source>Share wi&amp;th the CPU</source>
        <translation>与 CPU 分担(&amp;T)</translation>
    </message>
    <message>
        <source>As many layers as fit go to the graphics device, the others to the CPU</source>
        <translation>能放下的层放在图形设备上，其余的放在 CPU 上</translation>
    </message>
    <message>
        <source>built into the file</source>
        <translation>内置于文件</translation>
    </message>
    <message>
        <source>unknown tokenizer</source>
        <translation>未知分词器</translation>
    </message>
    <message>
        <source>Preparing the device</source>
        <translation>正在准备设备</translation>
    </message>
    <message>
        <source>%1 is not a vocabulary for this model. Choose another file.</source>
        <translation>%1 不是此模型的词表。请选择其他文件。</translation>
    </message>
    <message>
        <source>&amp;Chat with it</source>
        <translation>与它对话(&amp;C)</translation>
    </message>
    <message>
        <source>Memory per chat</source>
        <translation>每个对话的内存</translation>
    </message>
    <message>
        <source>%1, however long the chat is</source>
        <translation>%1，与对话长度无关</translation>
    </message>
    <message>
        <source>From its name</source>
        <translation>由文件名得知</translation>
    </message>
    <message>
        <source>Ru&amp;n on</source>
        <translation>运行于(&amp;N)</translation>
    </message>
    <message>
        <source>&amp;Use the model&apos;s own</source>
        <translation>使用模型自带的(&amp;U)</translation>
    </message>
    <message>
        <source>None of the models here fits it. Get the model that it was made for.</source>
        <translation>这里没有适用的模型。请获取它所属的模型。</translation>
    </message>
    <message>
        <source>Fits %1. A new chat can begin from it.</source>
        <translation>适用于 %1。新对话可以从它开始。</translation>
    </message>
    <message>
        <source>Fits %1. Load that model, then begin a chat from this state.</source>
        <translation>适用于 %1。请加载该模型，然后从这个状态开始对话。</translation>
    </message>
    <message>
        <source>&amp;Begin a chat from it</source>
        <translation>从它开始对话(&amp;B)</translation>
    </message>
    <message>
        <source>Not used</source>
        <translation>未使用</translation>
    </message>
    <message>
        <source>Tensors that no model of this generation has (%1): %2</source>
        <translation>这一代模型都没有的张量（%1）：%2</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>顺序</translation>
    </message>
    <message>
        <source>key before value, as web-rwkv and Ai00 write .st and .state files</source>
        <translation>key 在 value 之前，与 web-rwkv 和 Ai00 写的 .st 和 .state 文件相同</translation>
    </message>
    <message>
        <source>value before key</source>
        <translation>value 在 key 之前</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Read</source>
        <translation>已读</translation>
    </message>
    <message numerus="yes">
        <source>%n tokens</source>
        <translation>
            <numerusform>%n 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>Saved</source>
        <translation>保存时间</translation>
    </message>
    <message>
        <source>a model that it does not name</source>
        <translation>一个未注明名称的模型</translation>
    </message>
    <message>
        <source>Saved by %1, and means little to any other model. Of that shape here: %2. Whether that is the model shows when it is loaded.</source>
        <translation>由 %1 保存，对其他模型意义不大。此处形状相同的有：%2。是否就是该模型，载入后即可知道。</translation>
    </message>
    <message>
        <source>Saved by another model than the one that is loaded, by %1. It means little to this one.</source>
        <translation>由另一个模型（%1）保存，不是当前载入的模型，对当前模型意义不大。</translation>
    </message>
</context>
<context>
    <name>rookery::app::ModelListModel</name>
    <message>
        <source>fits</source>
        <translation>放得下</translation>
    </message>
    <message>
        <source>just fits</source>
        <translation>勉强放得下</translation>
    </message>
    <message>
        <source>does not fit</source>
        <translation>放不下</translation>
    </message>
    <message>
        <source>cannot be used</source>
        <translation>无法使用</translation>
    </message>
    <message>
        <source>Built in · answers questions about Rookery itself</source>
        <translation>内置 · 回答有关 Rookery 本身的问题</translation>
    </message>
    <message>
        <source>%1 B parameters</source>
        <translation>%1 B 参数</translation>
    </message>
    <message>
        <source>%1 M parameters</source>
        <translation>%1 M 参数</translation>
    </message>
    <message>
        <source>loaded</source>
        <translation>已载入</translation>
    </message>
    <message>
        <source>needs its vocabulary</source>
        <translation>需要词表</translation>
    </message>
    <message>
        <source>cannot run</source>
        <translation>无法运行</translation>
    </message>
    <message>
        <source>state</source>
        <translation>状态</translation>
    </message>
</context>
<context>
    <name>rookery::app::ModelsPage</name>
    <message>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>&amp;Open file…</source>
        <translation>打开文件(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Add folder…</source>
        <translation>添加文件夹(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Scan again</source>
        <translation>重新扫描(&amp;S)</translation>
    </message>
    <message>
        <source>Open &amp;models folder</source>
        <translation>打开模型文件夹(&amp;M)</translation>
    </message>
    <message>
        <source>Models on this computer</source>
        <translation>这台电脑上的模型</translation>
    </message>
    <message>
        <source>Choose the vocabulary</source>
        <translation>选择词表</translation>
    </message>
    <message>
        <source>Vocabularies (*.txt *.json);;All files (*)</source>
        <translation>词表 (*.txt *.json);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Choose a folder with models</source>
        <translation>选择存放模型的文件夹</translation>
    </message>
    <message>
        <source>Where to get models: BlinkDL/rwkv7-g1 on Hugging Face, RWKV/rwkv7-g1 on ModelScope. A name such as rwkv7-g1d-0.1b-20260129-ctx8192.pth gives the generation, training data, size, date and length of the training texts. Rookery never downloads anything on its own.</source>
        <translation>获取模型：Hugging Face 上的 BlinkDL/rwkv7-g1，ModelScope 上的 RWKV/rwkv7-g1。rwkv7-g1d-0.1b-20260129-ctx8192.pth 这样的名称依次说明代次、训练数据、大小、日期和训练文本长度。Rookery 从不自行下载任何内容。</translation>
    </message>
    <message>
        <source>RWKV models and states (%1);;All files (*)</source>
        <translation>RWKV 模型和状态 (%1);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Drop a model or a state (%1) anywhere on this page. The file stays where it is.</source>
        <comment>%1: &quot;.pth, .gguf&quot;</comment>
        <translation>可以把模型或状态（%1）拖到本页任意位置。文件会留在原处。</translation>
    </message>
</context>
<context>
    <name>rookery::app::PastedText</name>
    <message>
        <source>Pasted text, %1 characters</source>
        <translation>粘贴的文本，%1 个字符</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show the pasted text</source>
        <translation>显示粘贴的文本</translation>
    </message>
    <message>
        <source>Remove the pasted text</source>
        <translation>移除粘贴的文本</translation>
    </message>
    <message>
        <source>Pasted text, %1 characters, after “%2”</source>
        <translation>粘贴的文本，%1 个字符，位于“%2”之后</translation>
    </message>
</context>
<context>
    <name>rookery::app::ProgressCard</name>
    <message>
        <source>at most %1 left</source>
        <translation>最多还需 %1</translation>
    </message>
    <message>
        <source>almost done</source>
        <translation>即将完成</translation>
    </message>
    <message>
        <source>about %1 left, at most %2</source>
        <translation>大约还需 %1，最多 %2</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>大约还需 %1</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在载入模型</translation>
    </message>
    <message>
        <source>So far: %1</source>
        <translation>目前：%1</translation>
    </message>
    <message>
        <source>Progress of the benchmark</source>
        <translation>基准测试进度</translation>
    </message>
</context>
<context>
    <name>rookery::app::ResultView</name>
    <message>
        <source>Loading the model</source>
        <translation>正在载入模型</translation>
    </message>
    <message>
        <source>First token after a short question</source>
        <translation>短问题后的首个词元</translation>
    </message>
    <message>
        <source>Saving the state</source>
        <translation>保存状态</translation>
    </message>
    <message>
        <source>Restoring the state</source>
        <translation>恢复状态</translation>
    </message>
    <message>
        <source>Copying the state</source>
        <translation>复制状态</translation>
    </message>
    <message>
        <source>What</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>Median</source>
        <translation>中位数</translation>
    </message>
    <message>
        <source>± MAD</source>
        <translation>± MAD</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>次数</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 毫秒</translation>
    </message>
    <message>
        <source>&quot;%1&quot; in the report</source>
        <translation>报告中为“%1”</translation>
    </message>
    <message>
        <source>Date</source>
        <translation>日期</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>Instruction set</source>
        <translation>指令集</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程</translation>
    </message>
    <message>
        <source>%1 of %2 cores</source>
        <translation>%1（共 %2 个核心）</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Driver</source>
        <translation>驱动</translation>
    </message>
    <message>
        <source>Interface</source>
        <translation>接口</translation>
    </message>
    <message>
        <source>Device memory</source>
        <translation>设备内存</translation>
    </message>
    <message>
        <source>Features used</source>
        <translation>使用的特性</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>电源</translation>
    </message>
    <message>
        <source>Clock governor</source>
        <translation>调频策略</translation>
    </message>
    <message>
        <source>Build</source>
        <translation>构建</translation>
    </message>
    <message>
        <source>Read for each token</source>
        <translation>每个词元读取量</translation>
    </message>
    <message>
        <source>Share of the read limit</source>
        <translation>读取上限的占比</translation>
    </message>
    <message>
        <source>not measured: several devices share the work, and each has a limit of its own</source>
        <translation>未测量：多个设备分担了工作，各自的上限不同</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未测量</translation>
    </message>
    <message>
        <source>Model SHA-256</source>
        <translation>模型 SHA-256</translation>
    </message>
    <message>
        <source>First answer tokens</source>
        <translation>回答的前几个词元</translation>
    </message>
    <message>
        <source>Table view</source>
        <translation>表格视图</translation>
    </message>
    <message>
        <source>Show the charts as tables</source>
        <translation>以表格显示图表</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Export the report</source>
        <translation>导出报告</translation>
    </message>
    <message>
        <source>Report, &amp;JSON…</source>
        <translation>报告，&amp;JSON…</translation>
    </message>
    <message>
        <source>Every run, &amp;CSV…</source>
        <translation>每次运行，&amp;CSV…</translation>
    </message>
    <message>
        <source>Tables, &amp;Markdown…</source>
        <translation>表格，&amp;Markdown…</translation>
    </message>
    <message>
        <source>Charts, &amp;PNG…</source>
        <translation>图表，&amp;PNG…</translation>
    </message>
    <message>
        <source>Other times</source>
        <translation>其他用时</translation>
    </message>
    <message>
        <source>Measured on</source>
        <translation>测试环境</translation>
    </message>
</context>
<context>
    <name>rookery::app::SamplesChart</name>
    <message>
        <source>Run</source>
        <translation>次序</translation>
    </message>
    <message>
        <source>Speed, % of the median</source>
        <translation>速度，占中位数的 %</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>% of the median</source>
        <translation>中位数的 %</translation>
    </message>
</context>
<context>
    <name>rookery::app::SamplingPanel</name>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Creative</source>
        <translation>有创意</translation>
    </message>
    <message>
        <source>Careful: questions, code</source>
        <translation>谨慎：问答、代码</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Settings that RWKV&apos;s authors recommend</source>
        <translation>RWKV 作者推荐的设置</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Fixed seed</source>
        <translation>固定种子</translation>
    </message>
    <message>
        <source>The same seed, settings and text give the same answer</source>
        <translation>相同的种子、设置和文本给出相同的回答</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>For example: You answer briefly.</source>
        <translation>例如：你的回答要简短。</translation>
    </message>
    <message>
        <source>As suits the model</source>
        <translation>按模型选择</translation>
    </message>
    <message>
        <source>Off: a plain prompt</source>
        <translation>关闭：普通提示</translation>
    </message>
    <message>
        <source>Fast: an empty thought</source>
        <translation>快速：空的思考</translation>
    </message>
    <message>
        <source>Think before answering</source>
        <translation>先思考再回答</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>How an answer begins. Models that were taught to think (RWKV-7 G1) answer well in fast mode; others need a plain prompt</source>
        <translation>回答如何开头。学过思考的模型（RWKV-7 G1）在快速模式下答得好；其他模型需要普通提示</translation>
    </message>
    <message>
        <source>Always the most likely token</source>
        <translation>总是选最可能的词元</translation>
    </message>
    <message>
        <source>Higher is more surprising; 0 always takes the most likely token</source>
        <translation>越高越出人意料；0 表示总是选最可能的词元</translation>
    </message>
    <message>
        <source>Draws from the most likely tokens that together reach this probability</source>
        <translation>只在累计概率达到此值的最可能词元中抽取</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Draws from this many of the most likely tokens</source>
        <translation>只在这么多个最可能的词元中抽取</translation>
    </message>
    <message>
        <source>Presence penalty</source>
        <translation>存在惩罚</translation>
    </message>
    <message>
        <source>Makes tokens less likely that the answer has used already</source>
        <translation>降低回答中已出现过的词元的概率</translation>
    </message>
    <message>
        <source>Frequency penalty</source>
        <translation>频率惩罚</translation>
    </message>
    <message>
        <source>The same, but more for each time a token was used</source>
        <translation>同上，但词元每出现一次就惩罚得更多</translation>
    </message>
    <message>
        <source>Penalty decay</source>
        <translation>惩罚衰减</translation>
    </message>
    <message>
        <source>How slowly both penalties forget earlier tokens; 1 never forgets</source>
        <translation>两种惩罚遗忘较早词元的快慢；1 表示永不遗忘</translation>
    </message>
    <message>
        <source>Reset to defaults</source>
        <translation>恢复默认</translation>
    </message>
    <message>
        <source>All of the above but the system prompt</source>
        <translation>以上全部，系统提示词除外</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>Custom</source>
        <translation>自定义</translation>
    </message>
    <message>
        <source>A change takes effect with your next message: the model reads the whole chat again for it.</source>
        <translation>修改从下一条消息起生效：模型会为此重新读取整个对话。</translation>
    </message>
</context>
<context>
    <name>rookery::app::SegmentView</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the link</source>
        <translation>复制链接</translation>
    </message>
    <message>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
    <message>
        <source>Copy the code</source>
        <translation>复制代码</translation>
    </message>
</context>
<context>
    <name>rookery::app::SettingsPage</name>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>cannot be used: %1</source>
        <translation>无法使用：%1</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>General</source>
        <translation>常规</translation>
    </message>
    <message>
        <source>Compute</source>
        <translation>计算</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>存储</translation>
    </message>
    <message>
        <source>Privacy</source>
        <translation>隐私</translation>
    </message>
    <message>
        <source>About</source>
        <translation>关于</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>语言(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Theme</source>
        <translation>主题(&amp;T)</translation>
    </message>
    <message>
        <source>T&amp;hreads</source>
        <translation>线程(&amp;H)</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>Devices</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Benchmark runs</source>
        <translation>基准测试记录</translation>
    </message>
    <message>
        <source>Logs and window</source>
        <translation>日志和窗口</translation>
    </message>
    <message>
        <source>Cache</source>
        <translation>缓存</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Open folder: %1</source>
        <translation>打开文件夹：%1</translation>
    </message>
    <message>
        <source>Other folders with &amp;models</source>
        <translation>其他存放模型的文件夹(&amp;M)</translation>
    </message>
    <message>
        <source>Other folders with models</source>
        <translation>其他存放模型的文件夹</translation>
    </message>
    <message>
        <source>&amp;Add folder…</source>
        <translation>添加文件夹(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Remove from the list</source>
        <translation>从列表中移除(&amp;R)</translation>
    </message>
    <message>
        <source>Nothing leaves this computer. No account, no telemetry, no check for updates. Models run here, chats and reports are kept in the folders above, and Rookery opens no network connection by itself.</source>
        <translation>没有任何数据离开这台电脑。无需账户，没有遥测，不检查更新。模型在本机运行，对话和报告保存在上述文件夹中，Rookery 不会自行打开网络连接。</translation>
    </message>
    <message>
        <source>Rookery %1, free software under the GNU General Public License, version 3 or later.</source>
        <translation>Rookery %1，自由软件，采用 GNU 通用公共许可证第 3 版或更新版本。</translation>
    </message>
    <message>
        <source>About Rookery</source>
        <translation>关于 Rookery</translation>
    </message>
    <message>
        <source>Delete for good</source>
        <translation>永久删除</translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) will be deleted for good, with all messages. This cannot be undone.</source>
        <translation>
            <numerusform>%n 个对话及其全部消息将被永久删除，且无法撤销。</numerusform>
        </translation>
    </message>
    <message>
        <source>Used %1 of %2</source>
        <translation>已用 %1，上限 %2</translation>
    </message>
    <message>
        <source>%1 · deleted on %2</source>
        <translation>%1 · 删除于 %2</translation>
    </message>
    <message>
        <source>How new chats answer</source>
        <translation>新对话的回答方式</translation>
    </message>
    <message>
        <source>Memory of chats</source>
        <translation>对话记忆</translation>
    </message>
    <message>
        <source>Share of the limit that is used</source>
        <translation>已使用的上限比例</translation>
    </message>
    <message>
        <source>Limit for the memory of chats</source>
        <translation>对话记忆的上限</translation>
    </message>
    <message>
        <source> GB</source>
        <translation> GB</translation>
    </message>
    <message>
        <source>Deleted chats</source>
        <translation>已删除的对话</translation>
    </message>
    <message>
        <source>&amp;Delete for good</source>
        <translation>永久删除(&amp;D)</translation>
    </message>
    <message>
        <source>Re&amp;store</source>
        <translation>恢复(&amp;S)</translation>
    </message>
    <message>
        <source>Em&amp;pty the bin</source>
        <translation>清空(&amp;P)</translation>
    </message>
    <message>
        <source>Looking for devices…</source>
        <translation>正在查找设备…</translation>
    </message>
    <message>
        <source>Device that models run on</source>
        <translation>运行模型的设备</translation>
    </message>
    <message numerus="yes">
        <source>%n old memories deleted since Rookery started, to stay within the limit</source>
        <translation>
            <numerusform>为不超出上限，Rookery 启动以来已删除 %n 份旧记忆</numerusform>
        </translation>
    </message>
    <message>
        <source>Smaller limit</source>
        <translation>缩小上限</translation>
    </message>
    <message>
        <source>The memory of your chats takes %1. With a limit of %2, about %3 of it is deleted now, the oldest first. Your messages stay; chats that lose their memory are read again when you go on with them.</source>
        <translation>您的对话记忆占用 %1。若上限为 %2，现在将删除其中约 %3，最旧的优先。消息会保留；失去记忆的对话会在您继续时重新读取。</translation>
    </message>
    <message>
        <source>Delete and set the limit</source>
        <translation>删除并设置上限</translation>
    </message>
    <message>
        <source>Choose a folder with models</source>
        <translation>选择存放模型的文件夹</translation>
    </message>
    <message>
        <source>Same as the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>No other folders. The models folder above is always searched.</source>
        <translation>没有其他文件夹。上面的模型文件夹始终会被搜索。</translation>
    </message>
    <message>
        <source>New chats start with these settings. The panel on the right of the Chat page changes them for one chat.</source>
        <translation>新对话以这些设置开始。“对话”页面右侧的面板可为单个对话更改。</translation>
    </message>
    <message>
        <source>Reset to defaults</source>
        <translation>恢复默认</translation>
    </message>
    <message>
        <source>L&amp;imit</source>
        <translation>上限(&amp;I)</translation>
    </message>
    <message>
        <source>What a model remembers of a chat is saved on disk, so that the chat can go on without being read again. When the limit is reached, the oldest memories are deleted. Your messages are always kept.</source>
        <translation>模型对对话的记忆保存在磁盘上，因此对话无需重新读取即可继续。达到上限时会删除最旧的记忆。您的消息始终保留。</translation>
    </message>
    <message>
        <source>No deleted chats. They are kept here for 30 days.</source>
        <translation>没有已删除的对话。删除的对话会在此保留 30 天。</translation>
    </message>
    <message>
        <source>One per core (%1)</source>
        <translation>每核心一个（%1）</translation>
    </message>
    <message>
        <source>R&amp;un models on</source>
        <translation>模型运行于(&amp;U)</translation>
    </message>
    <message>
        <source>Takes effect when the next model is loaded. Threads apply to the CPU only and do not change the answers.</source>
        <translation>载入下一个模型时生效。线程数只影响 CPU，不会改变回答。</translation>
    </message>
</context>
<context>
    <name>rookery::app::ShortcutsDialog</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>按键</translation>
    </message>
</context>
<context>
    <name>rookery::app::SpeedChart</name>
    <message>
        <source>Prompt, %1 tokens</source>
        <translation>提示，%1 个词元</translation>
    </message>
    <message>
        <source>Answer, %1 tokens, as in chat</source>
        <translation>回答，%1 个词元，如同对话</translation>
    </message>
    <message>
        <source>Answer, %1 tokens</source>
        <translation>回答，%1 个词元</translation>
    </message>
    <message>
        <source>Reading a prompt, tokens/s</source>
        <translation>读取提示，词元/秒</translation>
    </message>
    <message>
        <source>Answering, tokens/s</source>
        <translation>回答，词元/秒</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>± MAD</source>
        <translation>± MAD</translation>
    </message>
    <message>
        <source>Lowest</source>
        <translation>最低</translation>
    </message>
    <message>
        <source>Highest</source>
        <translation>最高</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>次数</translation>
    </message>
    <message>
        <source>Answer, %1 tokens, zeros skipped</source>
        <translation>回答，%1 个词元，跳过零</translation>
    </message>
    <message>
        <source>as in chat</source>
        <translation>与对话相同</translation>
    </message>
    <message>
        <source>zeros skipped</source>
        <translation>跳过零</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 个词元</translation>
    </message>
</context>
<context>
    <name>rookery::app::StartField</name>
    <message>
        <source>Begins from</source>
        <translation>起始状态</translation>
    </message>
    <message>
        <source>Begins from (fixed since the first message)</source>
        <translation>起始状态（第一条消息之后不能更改）</translation>
    </message>
    <message>
        <source>What the model remembers before the first message: nothing, a tuned state, or a state that was saved. The chat keeps a copy, so the file is not needed later</source>
        <translation>模型在第一条消息之前记住的内容：空白、微调状态或已保存的状态。对话会保留一份副本，以后不再需要该文件</translation>
    </message>
    <message>
        <source>Nothing, as usual</source>
        <translation>空白（默认）</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>选择文件…</translation>
    </message>
    <message>
        <source>Choose the state to begin from</source>
        <translation>选择起始状态</translation>
    </message>
    <message>
        <source>States (%1);;All files (*)</source>
        <translation>状态 (%1);;所有文件 (*)</translation>
    </message>
</context>
<context>
    <name>rookery::app::StartWindow</name>
    <message>
        <source>Opening your chats</source>
        <translation>正在打开您的对话</translation>
    </message>
    <message>
        <source>This takes longer than usual.</source>
        <translation>这次比平时久一些。</translation>
    </message>
    <message>
        <source>Updating your chats</source>
        <translation>正在更新您的对话</translation>
    </message>
    <message>
        <source>This Rookery is newer than the one that saved them. This happens once.</source>
        <translation>此版本的 Rookery 比保存它们的版本新，更新只进行一次。</translation>
    </message>
    <message>
        <source>Checking your chats</source>
        <translation>正在检查您的对话</translation>
    </message>
    <message>
        <source>The file with your chats may be damaged.</source>
        <translation>保存对话的文件可能已损坏。</translation>
    </message>
    <message>
        <source>Rescuing your chats</source>
        <translation>正在抢救您的对话</translation>
    </message>
    <message>
        <source>The file with your chats is damaged. Everything that can still be read is copied into a new file, and the damaged one is kept. If you quit, nothing changes and the next start begins again.</source>
        <translation>保存对话的文件已损坏。所有还能读出的内容会复制到新文件中，损坏的文件会保留。如果退出，一切不变，下次启动会重新开始。</translation>
    </message>
    <message>
        <source>%1 of about %2 messages</source>
        <translation>%1 条消息，共约 %2 条</translation>
    </message>
    <message>
        <source>%1 messages</source>
        <translation>%1 条消息</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Reading your chats</source>
        <translation>正在读取对话</translation>
    </message>
    <message>
        <source>The file with your chats is damaged or of an older Rookery, and nothing can be written beside it. What can be read is copied into memory and shown; the file stays as it is.</source>
        <translation>保存对话的文件已损坏或来自旧版 Rookery，而其所在位置无法写入。能读取的内容会复制到内存中显示；文件保持原样。</translation>
    </message>
</context>
<context>
    <name>rookery::app::StepsView</name>
    <message>
        <source>Load</source>
        <translation>载入</translation>
    </message>
    <message>
        <source>Memory bandwidth</source>
        <translation>内存带宽</translation>
    </message>
    <message>
        <source>Reading a prompt</source>
        <translation>读取提示</translation>
    </message>
    <message>
        <source>Answering</source>
        <translation>正在回答</translation>
    </message>
    <message>
        <source>Saving the state</source>
        <translation>保存状态</translation>
    </message>
    <message>
        <source>Step %1 of %2: %3</source>
        <translation>第 %1 步，共 %2 步：%3</translation>
    </message>
    <message>
        <source>All steps done</source>
        <translation>全部完成</translation>
    </message>
    <message>
        <source>As in chat</source>
        <translation>与对话相同</translation>
    </message>
</context>
<context>
    <name>rookery::app::ThoughtBlock</name>
    <message>
        <source>Hide what the model thought</source>
        <translation>隐藏模型的思考过程</translation>
    </message>
    <message>
        <source>Show what the model thought</source>
        <translation>显示模型的思考过程</translation>
    </message>
</context>
<context>
    <name>rookery::app::TranscriptView</name>
    <message>
        <source>The answer is complete.</source>
        <translation>回答已完成。</translation>
    </message>
    <message>
        <source>The answer was cut off.</source>
        <translation>回答被中断。</translation>
    </message>
    <message>
        <source>The answer begins.</source>
        <translation>开始回答。</translation>
    </message>
    <message>
        <source>The answer was stopped.</source>
        <translation>回答已停止。</translation>
    </message>
</context>
<context>
    <name>rookery::app::UnopenedNotice</name>
    <message>
        <source>Rookery did not get through opening the chat “%1” last time, so it left it closed.</source>
        <translation>上次打开对话“%1”时未能完成，因此这次没有打开它。</translation>
    </message>
    <message>
        <source>Open it anyway</source>
        <translation>仍然打开</translation>
    </message>
    <message>
        <source>Delete it</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Close this notice</source>
        <translation>关闭此提示</translation>
    </message>
</context>
</TS>
