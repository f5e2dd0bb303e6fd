# Requests on names, directories and what is known of files.

use strict;
use warnings;
use Test::More;
use Cwd;
use Errno qw(EACCES EBADF EEXIST EINVAL ENOENT ENOTDIR ENOTEMPTY EISDIR ENAMETOOLONG);
use Fcntl ':mode';
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('file'), 'x' x 1234);

# stat
{
    is(of { aio_stat $name, $_[0] }, 0, 'stat');
    is(-s _, 1234, 'the size');
    ok(-f _ && !-d _, 'the kind');
    is_deeply([stat _], [stat $name], 'the same as from perl');
    is(of { aio_stat $name, $_[0] }, 0, 'stat');
    is(eval { lstat _; 1 }, undef, 'lstat _ is refused after a stat');
    is(of { aio_stat file('none'), $_[0] }, -1, 'nothing');
    errno_is(ENOENT, 'ENOENT');
    is(-s _, undef, 'nothing known');
    symlink 'file', file('link');
    is(of { aio_lstat file('link'), $_[0] }, 0, 'lstat');
    is(eval { lstat _; -l _ }, 1, 'of the link');
    is(of { aio_stat file('link'), $_[0] }, 0, 'stat');
    is(-s _, 1234, 'of the file');
    open my $fh, '<', $name or die $!;
    is(of { aio_stat $fh, $_[0] }, 0, 'by handle');
    is((stat _)[1], (stat $fh)[1], 'that file');
    is(of { aio_stat *$fh{IO}, $_[0] }, 0, 'by IO');
    is(-s _, 1234, 'that file');
    is(of { aio_lstat $fh, $_[0] }, 0, 'lstat by handle');
    is(-s _, 1234, 'is a stat');
    open my $closed, '<', $name or die $!;
    close $closed;
    is(of { aio_stat $closed, $_[0] }, -1, 'by a closed handle');
    errno_is(EBADF, 'EBADF');
    is(of { aio_chmod $closed, 0600, $_[0] }, -1, 'chmod of it');
    errno_is(EBADF, 'EBADF');
    opendir my $dir, file('.') or die $!;
    is(of { aio_stat $dir, $_[0] }, 0, 'by a directory handle');
    ok(-d _ && (stat _)[1] == (stat file('.'))[1], 'the directory');
    my $size;
    aio_stat $name, sub { $size = -s _ };
    IO::AIO::flush;
    is($size, 1234, 'in the callback');
    aio_stat '/', sub { };
    IO::AIO::flush;
    ok(-d _, 'and behind it, the last one');
    utime 1.25, 2.5, $name;
    of { aio_utime $name, 1000000000.25, 1000000001.5, $_[0] };
    of { aio_stat $name, $_[0] };
    is(IO::AIO::st_atime, 1000000000.25, 'st_atime');
    is(IO::AIO::st_mtime, 1000000001.5, 'st_mtime');
    is(IO::AIO::st_atimensec, 250_000_000, 'st_atimensec');
    is(IO::AIO::st_mtimensec, 500_000_000, 'st_mtimensec');
    cmp_ok(IO::AIO::st_ctime, '>', 1600000000, 'st_ctime');
    is(scalar(my @times = IO::AIO::st_xtime), 4, 'st_xtime');
    is($times[1], 1000000001.5, 'in order');
    is(scalar(@times = IO::AIO::st_xtimensec), 4, 'st_xtimensec');
    is(IO::AIO::st_btime + IO::AIO::st_btimesec + IO::AIO::st_btimensec + IO::AIO::st_gen, 0, 'not known');
    is(IO::AIO::statx($name, 0, IO::AIO::STATX_ALL), 0, 'statx');
    is(IO::AIO::stx_size, 1234, 'stx_size');
    is(IO::AIO::stx_ino, (stat $name)[1], 'stx_ino');
    is(IO::AIO::stx_mode, (stat _)[2], 'stx_mode');
    is(IO::AIO::stx_mtime, 1000000001.5, 'stx_mtime');
    is(IO::AIO::stx_mtimesec, 1000000001, 'stx_mtimesec');
    is(IO::AIO::stx_mtimensec, 500_000_000, 'stx_mtimensec');
    ok(IO::AIO::stx_mask & IO::AIO::STATX_SIZE, 'stx_mask');
    is(IO::AIO::statx($fh, 0, IO::AIO::STATX_ALL), 0, 'of a handle');
    is(IO::AIO::stx_nlink, 1, 'stx_nlink');
    is(IO::AIO::statx(file('none'), 0, IO::AIO::STATX_ALL), -1, 'of nothing');
    is(IO::AIO::makedev(IO::AIO::major((stat $name)[0]), IO::AIO::minor((stat _)[0])), (stat _)[0], 'device numbers');
}

# statvfs
{
    my $st = of { aio_statvfs dir, $_[0] };
    is_deeply([sort keys %$st], [sort qw(bsize frsize blocks bfree bavail files ffree favail fsid flag namemax)],
        'statvfs');
    cmp_ok($st->{namemax}, '>=', 100, 'of a file system');
    open my $fh, '<', $name or die $!;
    is((of { aio_statvfs $fh, $_[0] })->{blocks}, $st->{blocks}, 'by handle');
    is(of { aio_statvfs file('none'), $_[0] }, undef, 'of nothing');
    errno_is(ENOENT, 'ENOENT');
}

# utime, chown, chmod, truncate
{
    is(of { aio_utime $name, 1.5e9, 1.4e9, $_[0] }, 0, 'utime');
    is((stat $name)[9], 1.4e9, 'is set');
    is(of { aio_utime $name, undef, undef, $_[0] }, 0, 'to now');
    cmp_ok(abs((stat $name)[9] - time), '<', 100, 'it is');
    open my $fh, '+<', $name or die $!;
    is(of { aio_utime $fh, 5, 7, $_[0] }, 0, 'by handle');
    is((stat $name)[8], 5, 'is set');
    is(of { aio_utime $name, -1, -1, $_[0] }, 0, 'before 1970');
    is((stat $name)[9], -1, 'is no special case');
    is(of { aio_utime $name, -1.25, 0, $_[0] }, 0, 'with a fraction');
    of { aio_stat $name, $_[0] };
    is(IO::AIO::st_atime, -1.25, 'is right');
    is(of { aio_chmod $name, 0604, $_[0] }, 0, 'chmod');
    is((stat $name)[2] & 07777, 0604, 'is set');
    is(of { aio_chmod $fh, 0600, $_[0] }, 0, 'by handle');
    is((stat $name)[2] & 07777, 0600, 'is set');
    is(of { aio_chown $name, -1, -1, $_[0] }, 0, 'chown');
    is(of { aio_chown $name, undef, undef, $_[0] }, 0, 'of nothing');
    is(of { aio_chown $fh, $>, undef, $_[0] }, 0, 'by handle');
    is((stat $name)[4], $>, 'is set');
    is(of { aio_truncate $name, 100, $_[0] }, 0, 'truncate');
    is(-s $name, 100, 'is shorter');
    is(of { aio_truncate $fh, 200, $_[0] }, 0, 'by handle');
    is(-s $name, 200, 'is longer');
    is(of { aio_truncate $name, undef, $_[0] }, -1, 'no size');
    errno_is(EINVAL, 'EINVAL');
    for (['utime', sub { aio_utime file('none'), 1, 1, $_[0] }], ['chmod', sub { aio_chmod file('none'), 0, $_[0] }],
        ['chown', sub { aio_chown file('none'), -1, -1, $_[0] }], ['truncate', sub { aio_truncate file('none'), 0, $_[0] }])
    {
        my ($what, $call) = @$_;
        is((of { $call->($_[0]) }), -1, "$what of nothing");
        errno_is(ENOENT, 'ENOENT');
    }
}

# link, symlink, rename, readlink, realpath, unlink
{
    is(of { aio_link $name, file('hard'), $_[0] }, 0, 'link');
    is((stat file('hard'))[1], (stat $name)[1], 'the same file');
    is(of { aio_link $name, file('hard'), $_[0] }, -1, 'again');
    errno_is(EEXIST, 'EEXIST');
    is(of { aio_symlink 'some/where', file('sym'), $_[0] }, 0, 'symlink');
    is(readlink file('sym'), 'some/where', 'with this text');
    is(of { aio_readlink file('sym'), $_[0] }, 'some/where', 'readlink');
    my @none = of { aio_readlink $name, $_[0] };
    is(scalar @none, 0, 'of no link');
    errno_is(EINVAL, 'EINVAL');
    is(of { aio_realpath file('link'), $_[0] }, Cwd::realpath($name), 'realpath');
    @none = of { aio_realpath file('none') . '/x', $_[0] };
    is(scalar @none, 0, 'of nothing');
    is(of { aio_rename file('hard'), file('moved'), $_[0] }, 0, 'rename');
    ok(!-e file('hard') && -e file('moved'), 'has moved');
    is(of { aio_rename2 file('moved'), $name, IO::AIO::RENAME_NOREPLACE, $_[0] }, -1, 'rename2');
    errno_is(EEXIST, 'EEXIST');
    is(of { aio_rename2 file('moved'), file('sym'), IO::AIO::RENAME_EXCHANGE, $_[0] }, 0, 'exchanged');
    ok(-l file('moved'), 'they are');
    is(of { aio_rename2 file('moved'), file('again'), 0, $_[0] }, 0, 'without flags');
    is(of { aio_unlink file('again'), $_[0] }, 0, 'unlink');
    ok(!-l file('again'), 'gone');
    is(of { aio_unlink file('again'), $_[0] }, -1, 'again');
    errno_is(ENOENT, 'ENOENT');
}

# mkdir, rmdir, mknod
{
    is(of { aio_mkdir file('dir'), 0750, $_[0] }, 0, 'mkdir');
    is((stat file('dir'))[2] & 07777, 0750 & ~umask, 'mode and umask');
    is(of { aio_mkdir file('dir'), 0777, $_[0] }, -1, 'again');
    errno_is(EEXIST, 'EEXIST');
    is(of { aio_rmdir file('dir'), $_[0] }, 0, 'rmdir');
    is(of { aio_rmdir file('dir'), $_[0] }, -1, 'again');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_mknod file('fifo'), IO::AIO::S_IFIFO | 0600, 0, $_[0] }, 0, 'mknod');
    ok(-p file('fifo'), 'a pipe');
    is(of { aio_mknod file('plain'), IO::AIO::S_IFREG | 0600, 0, $_[0] }, 0, 'mknod');
    ok(-f file('plain'), 'a file');
}

# readdir, readdirx
{
    my $dir = file('list');
    mkdir $dir or die $!;
    put("$dir/$_", '') for qw(b a .hidden c.txt);
    mkdir "$dir/$_" or die $! for qw(zdir adir);
    symlink 'adir', "$dir/lnk";
    my @all = sort qw(b a .hidden c.txt zdir adir lnk);
    is_deeply([sort @{(of { aio_readdir $dir, $_[0] })}], \@all, 'readdir');
    is(of { aio_readdir file('none'), $_[0] }, undef, 'of nothing');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_readdir "$dir/a", $_[0] }, undef, 'of a file');
    errno_is(ENOTDIR, 'ENOTDIR');
    is_deeply(of { aio_readdir "$dir/lnk", $_[0] }, [], 'through a link');
    my ($names, $flags) = of { aio_readdirx $dir, 0, $_[0] };
    is_deeply([sort @$names], \@all, 'readdirx');
    like($flags, qr/^\d+$/, 'flags');
    my ($dents) = of { aio_readdirx $dir, IO::AIO::READDIR_DENTS, $_[0] };
    is(scalar @$dents, 7, 'entries');
    my %dents = map { $_->[0] => $_ } @$dents;
    is($dents{adir}[1], IO::AIO::DT_DIR, 'a directory');
    is($dents{a}[1], IO::AIO::DT_REG, 'a file');
    is($dents{lnk}[1], IO::AIO::DT_LNK, 'a link');
    is($dents{a}[2], (stat "$dir/a")[1], 'its inode');
    is(eval { $dents{a}[1] = 0; 1 }, undef, 'the kind is read-only');
    ($names, $flags) = of { aio_readdirx $dir, IO::AIO::READDIR_DIRS_FIRST, $_[0] };
    is_deeply([sort @$names[0, 1]], ['adir', 'zdir'], 'directories first');
    ok($flags & IO::AIO::READDIR_DIRS_FIRST, 'told so');
    ($dents) = of { aio_readdirx $dir, IO::AIO::READDIR_DENTS | IO::AIO::READDIR_STAT_ORDER, $_[0] };
    my @inodes = map $_->[2], @$dents;
    is_deeply(\@inodes, [sort { $a <=> $b } @inodes], 'in order of inodes');
    my @got = of { aio_readdirx file('none'), 0, $_[0] };
    is($got[0], undef, 'of nothing');
}

# paths of all kinds
{
    my $wd = of { aio_wd dir, $_[0] };
    isa_ok($wd, 'IO::AIO::WD');
    is(of { aio_stat [$wd, 'file'], $_[0] }, 0, 'relative to a directory');
    is(-s _, -s $name, 'that file');
    is(of { aio_stat $wd, $_[0] }, 0, 'itself');
    ok(-d _, 'a directory');
    is(of { aio_realpath $wd, $_[0] }, Cwd::realpath(dir), 'its path');
    is(of { aio_stat [$wd, $name], $_[0] }, 0, 'an absolute path');
    is(of { aio_stat [undef, 'file'], $_[0] }, -1, 'no directory');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_stat [IO::AIO::INVALID_WD, 'file'], $_[0] }, -1, 'an invalid one');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_stat [IO::AIO::CWD, 'Makefile.PL'], $_[0] }, 0, "the process's");
    is(of { aio_stat IO::AIO::CWD, $_[0] }, 0, 'itself');
    is(of { aio_mkdir [$wd, 'sub'], 0777, $_[0] }, 0, 'mkdir there');
    my $sub = of { aio_wd [$wd, 'sub'], $_[0] };
    isa_ok($sub, 'IO::AIO::WD');
    my $fh = of { aio_open [$sub, 'new'], O_CREAT | O_WRONLY, 0600, $_[0] };
    ok(-e file('sub/new'), 'open there');
    is(of { aio_rename [$sub, 'new'], [$wd, 'newer'], $_[0] }, 0, 'rename between two');
    ok(-e file('newer'), 'has moved');
    is(of { aio_link [$wd, 'newer'], [$sub, 'hard'], $_[0] }, 0, 'link between two');
    is(of { aio_symlink 'text', [$sub, 'sym'], $_[0] }, 0, 'symlink');
    is(readlink file('sub/sym'), 'text', 'in that directory');
    is(of { aio_readlink [$sub, 'sym'], $_[0] }, 'text', 'readlink');
    is_deeply([sort @{(of { aio_readdir $sub, $_[0] })}], ['hard', 'sym'], 'readdir');
    is(of { aio_unlink [$sub, $_], $_[0] }, 0, "unlink $_") for qw(hard sym);
    is(of { aio_rmdir $sub, $_[0] }, 0, 'rmdir of itself');
    ok(!-e file('sub'), 'is gone');
    my $before = aio_files;
    undef $wd;
    undef $sub;
    is(aio_files, $before - 2, 'closed with the object');
    is(of { aio_wd file('none'), $_[0] }, undef, 'no such directory');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_wd $name, $_[0] }, undef, 'no directory');
    errno_is(ENOTDIR, 'ENOTDIR');
    is(of { aio_stat undef, $_[0] }, -1, 'no path');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_stat "$name\0x", $_[0] }, -1, 'a NUL inside');
    errno_is(ENOENT, 'ENOENT');
    is(of { aio_stat 'x' x 5000, $_[0] }, -1, 'a long one');
    errno_is(ENAMETOOLONG, 'ENAMETOOLONG');
    raises { aio_stat "\x{100}" } qr/"fh_or_path" argument must be byte\/octet-encoded/, 'wide characters';
    raises { aio_unlink {} } qr/pathname arguments/, 'a hash';
    raises { aio_unlink [1, 2, 3] } qr/pathname arguments/, 'three elements';
    raises { aio_unlink ['x', 'y'] } qr/working directory object/, 'no directory object';
    my $path = $name;
    my $ok;
    aio_stat $path, sub { $ok = !$_[0] };
    $path = 'changed';
    IO::AIO::flush;
    ok($ok, 'paths are copied');
    my $bytes = file("\xe4");
    put($bytes, '');
    my $upgraded = $bytes;
    utf8::upgrade($upgraded);
    is(of { aio_stat $upgraded, $_[0] }, 0, 'bytes, whatever their encoding');
}

done_testing;
